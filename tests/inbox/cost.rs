//! How many calls of the store each call makes.

use salver::inbox::MAX_NOTIFICATIONS;
use salver::{Error, InboxFilter, ReadState};

use crate::support::inboxes::{Inboxes, ada, bob, note};

/// Returns how many calls of the store a call makes.
async fn calls<T>(inboxes: &Inboxes, call: impl Future<Output = Result<T, Error>>) -> u64 {
    let before = inboxes.salver.finished_calls();
    call.await.unwrap();
    inboxes.salver.finished_calls() - before
}

crate::inbox_tests! {
    async fn call_costs_one_round_trip(inboxes: Inboxes) {
        let (salver, inbox) = (&inboxes.salver, inboxes.inbox());
        // A process that knows the site alone reads the settings of the workers once a minute.
        assert_eq!(calls(&inboxes, salver.notify([bob()], note("first"))).await, 2);
        assert_eq!(calls(&inboxes, salver.notify([ada(), bob()], note("one"))).await, 2);
        assert_eq!(calls(&inboxes, inbox.list(&InboxFilter::all(), None)).await, 1);
        assert_eq!(calls(&inboxes, inbox.counts()).await, 1);
        assert_eq!(calls(&inboxes, inbox.mark_seen()).await, 1);
        let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
        let one = InboxFilter::all().ids([page.rows[0].newest.id()]);
        assert_eq!(calls(&inboxes, inbox.mark(&one, ReadState::Read)).await, 1);
        assert_eq!(calls(&inboxes, inbox.mark(&InboxFilter::all(), ReadState::Read)).await, 1);
        assert_eq!(calls(&inboxes, inbox.retract(&one)).await, 1);
        // One for the subscriptions. The site has mails: four queues, that of tests included, are searched for jobs that are
        // dead or not.
        assert_eq!(calls(&inboxes, salver.erase(&ada())).await, 1 + 1 + 4 * 2);
    }

    async fn filter_reads_full_inbox_in_five_calls(inboxes: Inboxes) {
        for number in 0..MAX_NOTIFICATIONS {
            inboxes.notify(note(&number.to_string())).await;
        }
        let inbox = inboxes.inbox();
        let absent = InboxFilter::all().text("absent");
        // Five pages of 200. The last one says that there is no other.
        assert_eq!(calls(&inboxes, inbox.list(&absent, None)).await, 5);
        // The first page needs no more than its rows.
        assert_eq!(calls(&inboxes, inbox.list(&InboxFilter::all(), None)).await, 1);
    }
}
