//! Age, erasure, and clocks that change.

use std::time::Duration;

use salver::inbox::MAX_AGE;
use salver::{InboxFilter, Message, Notification, ReadState};

use crate::support::inboxes::{Inboxes, ada, bob, note};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the keys of Ada in Redis; none on the memory store.
fn keys(inboxes: &Inboxes) -> Vec<String> {
    let Some(server) = &inboxes.server else {
        return Vec::new();
    };
    let mut keys: Vec<String> = server.run(&[b"KEYS", b"app!*:{user%3Aada}"]);
    keys.sort();
    keys
}

crate::inbox_tests! {
    async fn old_notification_is_neither_listed_nor_counted(inboxes: Inboxes, clock) {
        inboxes.notify(note("old")).await;
        inboxes.advance(MAX_AGE - HOUR);
        inboxes.notify(note("new")).await;
        assert_eq!(inboxes.counts().await, (2, 2, 2));
        inboxes.advance(2 * HOUR);
        assert_eq!(inboxes.counts().await, (1, 1, 1));
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["new"]);
        assert_eq!(inboxes.texts(InboxFilter::unread()).await, ["new"]);
    }

    async fn inbox_expires_after_last_add(inboxes: Inboxes, clock) {
        inboxes.notify(note("one").group("g")).await;
        inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Archived).await.unwrap();
        inboxes.advance(MAX_AGE + HOUR);
        assert!(inboxes.texts(InboxFilter::archived()).await.is_empty());
        assert!(keys(&inboxes).is_empty(), "{:?}", keys(&inboxes));
    }

    async fn order_and_counts_survive_clock_that_goes_back(inboxes: Inboxes, clock) {
        inboxes.notify(note("one")).await;
        inboxes.advance(DAY);
        inboxes.notify(note("two")).await;
        inboxes.inbox().retract(&InboxFilter::all().text("two")).await.unwrap();
        inboxes.rewind(DAY + HOUR);
        for text in ["three", "four"] {
            inboxes.notify(note(text)).await;
        }
        let page = inboxes.inbox().list(&InboxFilter::all().ungrouped(), None).await.unwrap();
        let positions: Vec<_> = page.rows.iter().map(|row| row.newest.position()).collect();
        assert!(positions.is_sorted_by(|a, b| a > b), "{positions:?}");
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["four", "three", "one"]);
        assert_eq!(inboxes.counts().await, (3, 3, 3));
    }

    async fn new_notification_is_unseen_after_clock_went_back(inboxes: Inboxes, clock) {
        let inbox = inboxes.inbox();
        for text in ["to archive", "to archive by its id", "to delete"] {
            inboxes.notify(note(text)).await;
            inbox.list(&InboxFilter::all(), None).await.unwrap();
            inbox.mark_seen().await.unwrap();
            let one = InboxFilter::all().text(text);
            match text {
                "to archive" => inbox.mark(&InboxFilter::all(), ReadState::Archived).await,
                "to delete" => inbox.retract(&one).await,
                _ => inbox.mark(&one, ReadState::Archived).await,
            }
            .unwrap();
            inboxes.rewind(HOUR);
            inboxes.notify(note("new")).await;
            assert_eq!(inboxes.counts().await, (1, 1, 1), "{text}");
            inbox.retract(&InboxFilter::all().text("new")).await.unwrap();
        }
    }

    async fn removed_notification_is_remembered_for_longer_than_the_inbox(inboxes: Inboxes, clock) {
        let (removed, inbox) = (note("removed"), inboxes.inbox());
        inboxes.notify(removed.clone()).await;
        for text in ["read", "archived"] {
            inboxes.notify(note(text)).await;
        }
        inboxes.advance(MAX_AGE - HOUR);
        inbox.retract(&InboxFilter::all().text("removed")).await.unwrap();
        // None of these shortens that time.
        let read = inbox.list(&InboxFilter::all().text("read"), None).await.unwrap();
        let read = InboxFilter::all().ids([read.rows[0].newest.id()]);
        inbox.mark(&read, ReadState::Read).await.unwrap();
        inbox.mark_seen().await.unwrap();
        inbox.mark(&InboxFilter::all(), ReadState::Archived).await.unwrap();
        inboxes.advance(2 * HOUR);
        inboxes.notify(removed).await;
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }

    async fn erased_recipient_gets_later_notifications_only(inboxes: Inboxes) {
        let earlier = note("earlier");
        inboxes.notify(note("one").group("g")).await;
        inboxes.salver.notify([bob()], note("to Bob")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        inboxes.advance_if_manual(Duration::from_millis(10));
        inboxes.salver.erase(&ada()).await.unwrap();
        assert_eq!(inboxes.counts().await, (0, 0, 0));
        assert!(keys(&inboxes).len() <= 1, "{:?}", keys(&inboxes));
        inboxes.notify(earlier).await;
        assert_eq!(inboxes.counts().await, (0, 0, 0));
        tokio::time::sleep(Duration::from_millis(20)).await;
        inboxes.notify(note("later")).await;
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["later"]);
        let bobs = inboxes.salver.inbox(&bob()).counts().await.unwrap();
        assert_eq!(bobs.total, 1);
    }

    async fn export_has_all_notifications(inboxes: Inboxes) {
        for number in 0..120 {
            inboxes.notify(note(&number.to_string()).group("g").subject("graphs/7")).await;
        }
        inboxes.inbox().mark(&InboxFilter::all().text("119"), ReadState::Archived).await.unwrap();
        let export = inboxes.salver.export(&ada()).await.unwrap();
        assert_eq!(export["recipient"], "user:ada");
        // The group keeps 100.
        assert_eq!(export["notifications"].as_array().unwrap().len(), 99);
        assert_eq!(export["notifications"][0]["text"], "118");
        assert_eq!(export["archived"][0]["subject"], "graphs/7");
    }
}

/// The first add of each of these periods sets the expiry of all keys.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// Returns when the keys of Ada expire, in seconds from now: all at once.
fn expiry(inboxes: &Inboxes, number_of_keys: usize) -> u64 {
    let server = inboxes.server.as_ref().unwrap();
    let keys = keys(inboxes);
    assert_eq!(keys.len(), number_of_keys, "{keys:?}");
    let expiry = |key: &String| -> i64 {
        let ttl_ms: i64 = server.run(&[b"PTTL", key.as_bytes()]);
        (ttl_ms + 500) / 1000
    };
    let expiries: Vec<_> = keys.iter().map(expiry).collect();
    let first = expiries[0];
    assert!(
        expiries.iter().all(|one| *one == first),
        "{keys:?} {expiries:?}"
    );
    u64::try_from(first).unwrap()
}

/// Moves the clock to the beginning of a period.
fn begin_period(inboxes: &Inboxes) {
    let server = inboxes.server.as_ref().unwrap();
    let [seconds, _]: [u64; 2] = server.run(&[b"TIME"]);
    inboxes.advance(PERIOD - Duration::from_secs(seconds % PERIOD.as_secs()));
}

#[tokio::test]
async fn keys_that_later_adds_create_expire_with_inbox() {
    let inboxes = Inboxes::redis_with_clock();
    begin_period(&inboxes);
    inboxes.notify(note("one")).await;
    assert_eq!(expiry(&inboxes, 3), (MAX_AGE + PERIOD).as_secs());
    inboxes.advance(Duration::from_secs(60));
    // Creates the keys of groups, of tags and of removed notifications.
    for text in ["two", "three"] {
        let message = Message::info(text).tag("t");
        inboxes
            .notify(Notification::new("test", message).group("g"))
            .await;
    }
    let later = (MAX_AGE + PERIOD).as_secs() - 60;
    assert_eq!(expiry(&inboxes, 6), later);
    // Removes the key of unread ones, which the next add creates again.
    inboxes
        .inbox()
        .mark(&InboxFilter::all(), ReadState::Read)
        .await
        .unwrap();
    assert_eq!(expiry(&inboxes, 5), later);
    inboxes.notify(note("four")).await;
    assert_eq!(expiry(&inboxes, 6), later);
}

#[tokio::test]
async fn first_add_of_each_period_moves_expiry_of_all_keys() {
    let inboxes = Inboxes::redis_with_clock();
    begin_period(&inboxes);
    for (text, number_of_keys) in [("one", 5), ("two", 6)] {
        let message = Message::info(text).tag("t");
        inboxes
            .notify(Notification::new("test", message).group("g"))
            .await;
        // The second one replaces the only one.
        assert_eq!(
            expiry(&inboxes, number_of_keys),
            (MAX_AGE + PERIOD).as_secs()
        );
    }
    inboxes
        .inbox()
        .mark(&InboxFilter::all(), ReadState::Archived)
        .await
        .unwrap();
    for text in ["three", "four"] {
        inboxes.notify(note(text)).await;
        inboxes.advance(PERIOD / 2);
        assert_eq!(
            expiry(&inboxes, 7),
            (MAX_AGE + PERIOD / 2).as_secs(),
            "{text}"
        );
        inboxes.advance(PERIOD / 2);
    }
}
