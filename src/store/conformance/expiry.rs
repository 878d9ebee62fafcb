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

pub(crate) async fn a_scheduled_message_waits(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let later = Message::info("later").after(SHORT);
    subject.add(&page, later).await;
    subject.shows(&page, &[]).await;
    assert_eq!(texts(subject.claim(&page).await.messages()), [""; 0]);
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["later"]).await;
}

pub(crate) async fn a_message_scheduled_beyond_the_expiry_appears(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let later = [Message::info("later").after(SHORT * 3)];
    subject
        .add_within(&expiring(SHORT * 2), &page, &later)
        .await;
    subject.pass(SHORT * 3 + SHORT / 2).await;
    subject.shows(&page, &["later"]).await;
}

pub(crate) async fn a_look_answers_next(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("now")).await;
    assert_eq!(subject.peek(&page).await.next_due_in, None);
    let minute = Duration::from_secs(60);
    let (later, last) = (
        Message::info("later").after(minute),
        Message::info("last").after(minute * 5),
    );
    subject.add(&page, later).await;
    subject.add(&page, last).await;
    let claim = subject.claim(&page).await;
    let next = claim.result.next_due_in;
    let next = next.expect("a look has to say when the next message comes");
    assert!(
        next <= minute && next > minute - Duration::from_secs(20),
        "{next:?}"
    );
    let next = subject.peek(&page).await.next_due_in;
    let next = next.expect("another's lease ends some time");
    assert!(next <= LEASE, "{next:?}");
}

pub(crate) async fn what_has_expired_is_unseen(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let gone = [Message::info("gone")];
    subject.add_within(&expiring(SHORT), &page, &gone).await;
    subject.shows(&page, &["gone"]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &[]).await;
    assert_eq!(texts(subject.claim(&page).await.messages()), [""; 0]);
    let listed = subject.store().contexts(APP, page.session()).await;
    assert_eq!(listed.unwrap(), []);
}

pub(crate) async fn an_add_never_shortens_a_life(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("an hour")).await;
    let moment = [Message::info("a moment")];
    subject.add_within(&expiring(SHORT), &page, &moment).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["an hour", "a moment"]).await;
}

pub(crate) async fn reading_does_not_renew(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let gone = [Message::info("gone")];
    subject.add_within(&expiring(SHORT * 2), &page, &gone).await;
    for _ in 0..3 {
        subject.pass(SHORT).await;
        subject.peek(&page).await;
        let claim = subject.claim(&page).await;
        subject.release(&claim).await;
    }
    subject.shows(&page, &[]).await;
}

pub(crate) async fn what_is_too_old_is_unseen(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = Message::info("yesterday's").with_id(written_before(AGE + SHORT));
    let batch = [old, Message::info("today's")];
    subject.add_all(&page, &batch).await;
    let found = subject.peek(&page).await;
    assert_eq!(
        (texts(&found.messages), found.expired),
        (vec!["today's"], 1)
    );
    assert_eq!(subject.claim(&page).await.result.expired, 1);
    assert_eq!(
        subject.claim(&page).await.result.expired,
        0,
        "counted when met, then gone"
    );
}

pub(crate) async fn what_is_past_its_deadline_is_unseen(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let soon = OffsetDateTime::now_utc() + SHORT;
    let fading = Message::info("fading").expires_at(soon);
    subject.add(&page, fading).await;
    subject.add(&page, Message::info("staying")).await;
    subject.shows(&page, &["fading", "staying"]).await;
    subject.pass(SHORT * 2).await;
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.expired),
        (vec!["staying"], 1)
    );
}

pub(crate) async fn a_replacement_never_shortens_a_life(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    let first = Message::info("10 %").tag("import");
    subject.add(&page, first).await;
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    let later = [Message::info("20 %").tag("import")];
    subject.add_within(&limits, &page, &later).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["20 %"]).await;
}
