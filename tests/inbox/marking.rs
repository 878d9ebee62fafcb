//! Seen, read, unread and archived.

use salver::{InboxFilter, ReadState};

use crate::support::inboxes::{Inboxes, note};

async fn mark(inboxes: &Inboxes, filter: InboxFilter, state: ReadState) -> u64 {
    inboxes.inbox().mark(&filter, state).await.unwrap()
}

async fn add(inboxes: &Inboxes, texts: &[&str]) {
    for text in texts {
        inboxes.notify(note(text)).await;
    }
}

crate::inbox_tests! {
    async fn notifications_move_between_states(inboxes: Inboxes) {
        use ReadState::{Archived, Read, Unread};
        add(&inboxes, &["one", "two"]).await;
        let one = || InboxFilter::all().text("one");
        let archived = || InboxFilter::archived().text("one");
        for (filter, state, changed, counts) in [
            (one(), Read, 1, (1, 1, 2)),
            (one(), Read, 0, (1, 1, 2)),
            (one(), Unread, 1, (2, 2, 2)),
            (one(), Unread, 0, (2, 2, 2)),
            (one(), Archived, 1, (1, 1, 1)),
            (one(), Archived, 0, (1, 1, 1)),
            (one(), Read, 0, (1, 1, 1)),
            (archived(), Read, 1, (1, 1, 2)),
            (one(), Archived, 1, (1, 1, 1)),
            (archived(), Unread, 1, (2, 2, 2)),
        ] {
            assert_eq!(mark(&inboxes, filter.clone(), state).await, changed, "{filter:?} {state:?}");
            assert_eq!(inboxes.counts().await, counts, "{filter:?} {state:?}");
        }
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["two", "one"]);
        assert!(inboxes.texts(InboxFilter::archived()).await.is_empty());
    }

    async fn mark_all_reaches_newest_shown_notification_only(inboxes: Inboxes) {
        add(&inboxes, &["one", "two"]).await;
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        let shown = page.rows[0].newest.position();
        add(&inboxes, &["three"]).await;
        let until = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(shown) * 1_000_000).unwrap();
        assert_eq!(mark(&inboxes, InboxFilter::all().until(until), ReadState::Read).await, 2);
        assert_eq!(inboxes.texts(InboxFilter::unread()).await, ["three"]);
        assert_eq!(mark(&inboxes, InboxFilter::all().until(until), ReadState::Archived).await, 2);
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["three"]);
        assert_eq!(inboxes.texts(InboxFilter::archived()).await, ["two", "one"]);
        assert_eq!(mark(&inboxes, InboxFilter::archived(), ReadState::Unread).await, 2);
        assert_eq!(inboxes.counts().await, (3, 3, 3));
        assert_eq!(mark(&inboxes, InboxFilter::unread(), ReadState::Archived).await, 3);
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }

    async fn seen_rises_to_newest_listed_notification(inboxes: Inboxes) {
        add(&inboxes, &["one", "two"]).await;
        let inbox = inboxes.inbox();
        inbox.mark_seen().await.unwrap();
        assert_eq!(inboxes.counts().await, (2, 2, 2));
        inbox.list(&InboxFilter::all(), None).await.unwrap();
        add(&inboxes, &["three"]).await;
        inbox.mark_seen().await.unwrap();
        assert_eq!(inboxes.counts().await, (1, 3, 3));
        // Seen never falls.
        let earlier = inboxes.inbox();
        earlier.list(&InboxFilter::all().text("one"), None).await.unwrap();
        earlier.mark_seen().await.unwrap();
        assert_eq!(inboxes.counts().await, (1, 3, 3));
    }

    async fn filter_of_many_marks_all(inboxes: Inboxes) {
        for number in 0..620 {
            inboxes.notify(note(&number.to_string()).subject(if number < 610 { "a" } else { "b" })).await;
        }
        let filter = InboxFilter::all().subject("a").limit(1);
        assert_eq!(mark(&inboxes, filter, ReadState::Read).await, 610);
        assert_eq!(inboxes.counts().await, (10, 10, 620));
        let removed = inboxes.inbox().retract(&InboxFilter::all().subject("a")).await.unwrap();
        assert_eq!(removed, 610);
        assert_eq!(inboxes.counts().await, (10, 10, 10));
    }

    async fn ids_of_another_tab_are_not_selected(inboxes: Inboxes) {
        add(&inboxes, &["one", "two"]).await;
        let page = inboxes.inbox().list(&InboxFilter::all().text("one"), None).await.unwrap();
        let one = page.rows[0].newest.id();
        mark(&inboxes, InboxFilter::all().ids([one]), ReadState::Archived).await;
        assert_eq!(mark(&inboxes, InboxFilter::all().ids([one]), ReadState::Unread).await, 0);
        assert_eq!(inboxes.inbox().retract(&InboxFilter::unread().ids([one])).await.unwrap(), 0);
        assert_eq!(inboxes.texts(InboxFilter::archived()).await, ["one"]);
        assert_eq!(mark(&inboxes, InboxFilter::archived().ids([one]), ReadState::Unread).await, 1);
        assert_eq!(inboxes.counts().await, (2, 2, 2));
        assert_eq!(inboxes.inbox().retract(&InboxFilter::archived().ids([one])).await.unwrap(), 0);
    }

    async fn retract_removes_archived_notifications_too(inboxes: Inboxes) {
        add(&inboxes, &["one", "two", "three"]).await;
        mark(&inboxes, InboxFilter::all().text("one"), ReadState::Archived).await;
        let inbox = inboxes.inbox();
        let unread = InboxFilter::unread().text("three");
        assert_eq!(inbox.retract(&unread).await.unwrap(), 1);
        assert_eq!(inbox.retract(&InboxFilter::all()).await.unwrap(), 2);
        assert!(inboxes.texts(InboxFilter::archived()).await.is_empty());
    }
}

#[tokio::test]
async fn removed_notifications_leave_only_their_ids_and_last_position() {
    let inboxes = Inboxes::redis();
    for text in ["one", "two"] {
        let message = salver::Message::info(text).tag(text);
        inboxes
            .notify(salver::Notification::new("test", message).group("g"))
            .await;
    }
    for number in 0..101 {
        inboxes.notify(note(&number.to_string()).group("g")).await;
    }
    inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
    let server = inboxes.server.as_ref().unwrap();
    let mut keys: Vec<String> = server.run(&[b"KEYS", b"*"]);
    keys.sort();
    let state = "app!inbox-state:{user%3Aada}";
    assert_eq!(keys, [state, "app!removed:{user%3Aada}"]);
    for key in &keys {
        let ttl: i64 = server.run(&[b"PTTL", key.as_bytes()]);
        assert!(ttl > 0, "{key}");
    }
    let fields: Vec<String> = server.run(&[b"HKEYS", state.as_bytes()]);
    assert_eq!(fields, ["last"]);
}
