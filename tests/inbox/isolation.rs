//! No call reads or changes the inbox of another recipient.

use salver::{InboxFilter, ReadState, Recipient, Salver};

use crate::support::inboxes::{ada, bob, note};
use crate::support::spy::SpyStore;

crate::inbox_tests! {
    async fn recipients_and_applications_are_isolated(inboxes: Inboxes) {
        let guest = Recipient::email("ada@example.org").unwrap();
        let other = inboxes.salver.with_app("another").unwrap();
        inboxes.salver.notify([ada(), guest.clone()], note("one")).await.unwrap();
        other.notify([ada()], note("other")).await.unwrap();
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        let id = page.rows[0].newest.id();

        let strangers = [(&inboxes.salver, bob()), (&inboxes.salver, guest), (&other, ada())];
        for (salver, recipient) in strangers {
            let inbox = salver.inbox(&recipient);
            let only = InboxFilter::all().ids([id]);
            assert!(inbox.list(&only, None).await.unwrap().rows.is_empty());
            for state in [ReadState::Read, ReadState::Unread, ReadState::Archived] {
                assert_eq!(inbox.mark(&only, state).await.unwrap(), 0);
            }
            assert_eq!(inbox.retract(&only).await.unwrap(), 0);
            let position = page.rows[0].newest.position() + 1;
            let after = inbox.list(&InboxFilter::all(), Some(&position.to_string())).await.unwrap();
            assert!(after.rows.iter().all(|row| row.newest.id() != id));
        }
        assert_eq!(inboxes.counts().await, (1, 1, 1));
    }
}

#[tokio::test]
async fn custom_store_has_no_inbox() {
    let (store, _report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let error = salver.notify([ada()], note("one")).await.unwrap_err();
    assert!(error.is_misconfigured(), "{error}");
    let error = salver.inbox(&ada()).counts().await.unwrap_err();
    assert!(error.is_misconfigured(), "{error}");
    let error = salver.online().await.unwrap_err();
    assert!(error.is_misconfigured(), "{error}");
}
