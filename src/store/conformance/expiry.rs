//! The times at which a message becomes visible and expires: requirements 1, 8 and 9.

use std::time::Duration;

use time::OffsetDateTime;

use crate::Message;
use crate::store::Limits;
use crate::store::conformance::store_under_test::{
    AGE, APP, LEASE, SHORT, StoreUnderTest, context, id_created_before, texts,
};

fn expiring(ttl: Duration) -> Limits {
    Limits {
        ttl,
        ..Limits::default()
    }
}

pub(crate) async fn scheduled_message_is_hidden_until_due(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let later = Message::info("later").after(SHORT);
    store.add(&page, later).await;
    store.assert_visible(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
    store.advance(SHORT * 2).await;
    store.assert_visible(&page, &["later"]).await;
}

pub(crate) async fn message_scheduled_beyond_ttl_becomes_visible(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let later = [Message::info("later").after(SHORT * 3)];
    store
        .add_with_limits(&expiring(SHORT * 2), &page, &later)
        .await;
    store.advance(SHORT * 3 + SHORT / 2).await;
    store.assert_visible(&page, &["later"]).await;
}

pub(crate) async fn read_returns_time_of_next_message(store: StoreUnderTest) {
    let page = context("ada", "settings");
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
    let next = next.expect("a read returns the time of the next message");
    assert!(
        next <= minute && next > minute - Duration::from_secs(20),
        "{next:?}"
    );
    let next = store.peek(&page).await.next_due_in;
    let next = next.expect("a read returns the end of the lease of another claim");
    assert!(next <= LEASE, "{next:?}");
}

pub(crate) async fn expired_context_is_hidden(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let gone = [Message::info("gone")];
    store.add_with_limits(&expiring(SHORT), &page, &gone).await;
    store.assert_visible(&page, &["gone"]).await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
    let listed = store.store().contexts(APP, page.session()).await;
    assert_eq!(listed.unwrap(), []);
}

pub(crate) async fn add_never_shortens_ttl(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("an hour")).await;
    let moment = [Message::info("a moment")];
    store
        .add_with_limits(&expiring(SHORT), &page, &moment)
        .await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&page, &["an hour", "a moment"]).await;
}

pub(crate) async fn read_does_not_extend_ttl(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let gone = [Message::info("gone")];
    store
        .add_with_limits(&expiring(SHORT * 2), &page, &gone)
        .await;
    for _ in 0..3 {
        store.advance(SHORT).await;
        store.peek(&page).await;
        let claim = store.claim(&page).await;
        store.release(&claim).await;
    }
    store.assert_visible(&page, &[]).await;
}

pub(crate) async fn message_over_max_age_is_hidden(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let old = Message::info("yesterday's").with_id(id_created_before(AGE + SHORT));
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
        "the first claim counts and removes it"
    );
}

pub(crate) async fn message_past_deadline_is_hidden(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let soon = OffsetDateTime::now_utc() + SHORT;
    let fading = Message::info("fading").expires_at(soon);
    store.add(&page, fading).await;
    store.add(&page, Message::info("staying")).await;
    store.assert_visible(&page, &["fading", "staying"]).await;
    store.advance(SHORT * 2).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.expired),
        (vec!["staying"], 1)
    );
}

pub(crate) async fn replacement_never_shortens_ttl(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let first = Message::info("10 %").tag("import");
    store.add(&page, first).await;
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    let later = [Message::info("20 %").tag("import")];
    store.add_with_limits(&limits, &page, &later).await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&page, &["20 %"]).await;
}
