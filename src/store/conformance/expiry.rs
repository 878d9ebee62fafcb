//! When a message begins and ends to be visible: laws 1, 8 and 9.

use std::time::Duration;

use time::OffsetDateTime;

use crate::Message;
use crate::store::Limits;
use crate::store::conformance::store_under_test::{
    AGE, APP, LEASE, SHORT, StoreUnderTest, at, texts, written_before,
};

fn expiring(expiry: Duration) -> Limits {
    Limits {
        ttl: expiry,
        ..Limits::default()
    }
}

pub(crate) async fn a_scheduled_message_waits(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let later = Message::info("later").after(SHORT);
    store.add(&page, later).await;
    store.shows(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
    store.pass(SHORT * 2).await;
    store.shows(&page, &["later"]).await;
}

pub(crate) async fn a_message_scheduled_beyond_the_expiry_appears(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let later = [Message::info("later").after(SHORT * 3)];
    store.add_within(&expiring(SHORT * 2), &page, &later).await;
    store.pass(SHORT * 3 + SHORT / 2).await;
    store.shows(&page, &["later"]).await;
}

pub(crate) async fn a_look_answers_next(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("now")).await;
    assert_eq!(store.peek(&page).await.next_due_in, None);
    let minute = Duration::from_secs(60);
    let (later, last) = (
        Message::info("later").after(minute),
        Message::info("last").after(minute * 5),
    );
    store.add(&page, later).await;
    store.add(&page, last).await;
    let claim = store.claim(&page).await;
    let next = claim.result.next_due_in;
    let next = next.expect("a look has to say when the next message comes");
    assert!(
        next <= minute && next > minute - Duration::from_secs(20),
        "{next:?}"
    );
    let next = store.peek(&page).await.next_due_in;
    let next = next.expect("another's lease ends some time");
    assert!(next <= LEASE, "{next:?}");
}

pub(crate) async fn what_has_expired_is_unseen(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let gone = [Message::info("gone")];
    store.add_within(&expiring(SHORT), &page, &gone).await;
    store.shows(&page, &["gone"]).await;
    store.pass(SHORT * 2).await;
    store.shows(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
    let listed = store.store().contexts(APP, page.session()).await;
    assert_eq!(listed.unwrap(), []);
}

pub(crate) async fn an_add_never_shortens_a_life(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("an hour")).await;
    let moment = [Message::info("a moment")];
    store.add_within(&expiring(SHORT), &page, &moment).await;
    store.pass(SHORT * 2).await;
    store.shows(&page, &["an hour", "a moment"]).await;
}

pub(crate) async fn reading_does_not_renew(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let gone = [Message::info("gone")];
    store.add_within(&expiring(SHORT * 2), &page, &gone).await;
    for _ in 0..3 {
        store.pass(SHORT).await;
        store.peek(&page).await;
        let claim = store.claim(&page).await;
        store.release(&claim).await;
    }
    store.shows(&page, &[]).await;
}

pub(crate) async fn what_is_too_old_is_unseen(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = Message::info("yesterday's").with_id(written_before(AGE + SHORT));
    let batch = [old, Message::info("today's")];
    store.add_all(&page, &batch).await;
    let result = store.peek(&page).await;
    assert_eq!(
        (texts(&result.messages), result.expired),
        (vec!["today's"], 1)
    );
    assert_eq!(store.claim(&page).await.result.expired, 1);
    assert_eq!(
        store.claim(&page).await.result.expired,
        0,
        "counted when met, then gone"
    );
}

pub(crate) async fn what_is_past_its_deadline_is_unseen(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let soon = OffsetDateTime::now_utc() + SHORT;
    let fading = Message::info("fading").expires_at(soon);
    store.add(&page, fading).await;
    store.add(&page, Message::info("staying")).await;
    store.shows(&page, &["fading", "staying"]).await;
    store.pass(SHORT * 2).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.expired),
        (vec!["staying"], 1)
    );
}

pub(crate) async fn a_replacement_never_shortens_a_life(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let first = Message::info("10 %").tag("import");
    store.add(&page, first).await;
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    let later = [Message::info("20 %").tag("import")];
    store.add_within(&limits, &page, &later).await;
    store.pass(SHORT * 2).await;
    store.shows(&page, &["20 %"]).await;
}
