//! The limits of an inbox, and what each does.

use std::time::Duration;

use salver::inbox::{MAX_IN_GROUP, MAX_NOTIFICATIONS};
use salver::{InboxFilter, Message, MessageId, Notification, ReadState};
use time::OffsetDateTime;

use crate::support::inboxes::{Inboxes, note};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Adds numbered notifications of a group.
async fn add_group(inboxes: &Inboxes, group: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        inboxes.notify(note(&number.to_string()).group(group)).await;
    }
}

/// Returns the count, the unread and the newest text of each row.
async fn rows(inboxes: &Inboxes) -> Vec<(u64, u64, String)> {
    let page = inboxes
        .inbox()
        .list(&InboxFilter::all(), None)
        .await
        .unwrap();
    let row = |row: &salver::inbox::InboxRow| (row.count, row.unread, row.newest.text().to_owned());
    page.rows.iter().map(row).collect()
}

crate::inbox_tests! {
    async fn full_inbox_drops_its_oldest_notification(inboxes: Inboxes) {
        inboxes.notify(note("oldest")).await;
        inboxes.notify(note("second")).await;
        for number in 2..MAX_NOTIFICATIONS {
            inboxes.notify(note(&number.to_string())).await;
        }
        // Archived ones count too.
        let oldest = InboxFilter::all().text("oldest");
        inboxes.inbox().mark(&oldest, ReadState::Archived).await.unwrap();
        assert_eq!(inboxes.texts(InboxFilter::archived()).await, ["oldest"]);
        inboxes.notify(note("new")).await;
        assert!(inboxes.texts(InboxFilter::archived()).await.is_empty());
        assert_eq!(inboxes.texts(InboxFilter::all().text("second")).await, ["second"]);
        let counts = inboxes.counts().await;
        inboxes.notify(note("newer")).await;
        assert_eq!(inboxes.counts().await, (counts.0, counts.1, counts.2));
        assert!(inboxes.texts(InboxFilter::all().text("second")).await.is_empty());
    }

    async fn full_group_drops_its_own_oldest_and_its_row_counts_all(inboxes: Inboxes) {
        inboxes.notify(note("other")).await;
        add_group(&inboxes, "storm", 0..MAX_IN_GROUP + 23).await;
        assert_eq!(rows(&inboxes).await, [(123, 100, "122".to_owned()), (1, 1, "other".to_owned())]);
        assert_eq!(inboxes.counts().await, (101, 101, 101));
    }

    async fn row_counts_displaced_ones_after_oldest_is_deleted(inboxes: Inboxes) {
        // One in each millisecond, in the order of their ids.
        for number in 0..MAX_IN_GROUP + 50 {
            let built_at = OffsetDateTime::UNIX_EPOCH + 20_000 * DAY + Duration::from_millis(number as u64);
            let id = MessageId::for_job_step(built_at, "storm", 0);
            let message = Message::info(number.to_string()).with_id(id);
            inboxes.notify(Notification::new("test", message).group("storm")).await;
        }
        let oldest = InboxFilter::all().text("50");
        // It stands for the 50 before it.
        assert_eq!(inboxes.inbox().retract(&oldest).await.unwrap(), 1);
        assert_eq!(rows(&inboxes).await, [(149, 99, "149".to_owned())]);
    }

    async fn notifications_of_one_group_and_day_are_one_row(inboxes: Inboxes, clock) {
        add_group(&inboxes, "uploads", 0..2).await;
        add_group(&inboxes, "other", 2..3).await;
        inboxes.advance(DAY);
        add_group(&inboxes, "uploads", 3..6).await;
        let expected = [(3, 3, "5".to_owned()), (1, 1, "2".to_owned()), (2, 2, "1".to_owned())];
        assert_eq!(rows(&inboxes).await, expected);
    }

    async fn row_of_group_names_each_actor_once(inboxes: Inboxes) {
        for name in ["Ada", "Bob", "Ada", "Eve"] {
            let note = Notification::new("graph.uploaded", Message::info("x")).group("uploads");
            inboxes.notify(note.actor(&salver::Recipient::user(name), name)).await;
        }
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        assert_eq!(page.rows[0].actors, ["Eve", "Ada", "Bob"]);
        assert_eq!(page.rows[0].older.len(), 3);
        let page = inboxes.inbox().list(&InboxFilter::all().ungrouped(), None).await.unwrap();
        assert_eq!(page.rows.len(), 4);
    }
}
