//! Leases and how they end, and the looks that know none: laws 5 and 6.

use std::time::Duration;

use crate::Message;
use crate::store::Limits;
use crate::store::conformance::store_under_test::{
    LEASE, SHORT, StoreUnderTest, at, sessions, texts, written_before,
};

pub(crate) async fn two_claimers_never_share(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("once")).await;
    let first = subject.claim(&page).await;
    let second = subject.claim(&page).await;
    assert_eq!(texts(first.messages()), ["once"]);
    assert_eq!(texts(second.messages()), [""; 0]);
    subject.shows(&page, &[]).await;
}

pub(crate) async fn a_release_gives_back_at_once(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    subject.add_all(&page, &batch).await;
    let claim = subject.claim(&page).await;
    subject.shows(&page, &[]).await;
    subject.release(&claim).await;
    subject.shows(&page, &["1", "2"]).await;
}

pub(crate) async fn a_lease_that_ends_gives_back(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("back")).await;
    subject.claim_for(SHORT, &page).await;
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["back"]).await;
}

pub(crate) async fn a_late_release_does_not_free_anothers_claim(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("mine now")).await;
    let late = subject.claim_for(SHORT, &page).await;
    subject.pass(SHORT * 2).await;
    let owner = subject.claim(&page).await;
    assert_eq!(texts(owner.messages()), ["mine now"]);
    subject.release(&late).await;
    subject.shows(&page, &[]).await;
    assert_eq!(texts(subject.claim(&page).await.messages()), [""; 0]);
}

pub(crate) async fn a_late_confirm_removes(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("was shown")).await;
    let late = subject.claim_for(SHORT, &page).await;
    subject.pass(SHORT * 2).await;
    let other = subject.claim(&page).await;
    subject.confirm(&late).await;
    subject.release(&other).await;
    subject.shows(&page, &[]).await;
}

pub(crate) async fn a_confirm_may_be_repeated(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("old")).await;
    let claim = subject.claim(&page).await;
    subject.confirm(&claim).await;
    subject.add(&page, Message::info("new")).await;
    subject.confirm(&claim).await;
    subject.shows(&page, &["new"]).await;
}

pub(crate) async fn a_confirm_follows_a_session_that_moved(subject: StoreUnderTest) {
    let (ada, bob) = sessions();
    let page = at("ada", "settings");
    subject.add(&page, Message::info("was shown")).await;
    let claim = subject.claim_for(SHORT, &page).await;
    subject.migrate(&ada, &bob).await;
    subject.confirm(&claim).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&at("bob", "settings"), &[]).await;
}

pub(crate) async fn a_released_message_keeps_its_age(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = Message::info("old").with_id(written_before(Duration::from_secs(60)));
    subject.add(&page, old).await;
    let claim = subject.claim(&page).await;
    subject.add(&page, Message::info("young")).await;
    subject.release(&claim).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let new = [Message::info("new")];
    subject.add_within(&limits, &page, &new).await;
    subject.shows(&page, &["young", "new"]).await;
}

pub(crate) async fn take_removes_at_once(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    subject.add_all(&page, &batch).await;
    let later = Message::info("later").after(LEASE);
    subject.add(&page, later).await;
    let taken = subject.take(&page).await;
    assert_eq!(texts(&taken.messages), ["1", "2"]);
    assert!(
        taken.next_due_in.is_some(),
        "a look says when the next one comes"
    );
    assert_eq!(texts(&subject.take(&page).await.messages), [""; 0]);
    subject.shows(&page, &[]).await;
}

pub(crate) async fn peek_changes_nothing(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("still here")).await;
    subject.put(&page, "garbage").await;
    for _ in 0..3 {
        let found = subject.peek(&page).await;
        assert_eq!(
            (texts(&found.messages), found.undecodable),
            (vec!["still here"], 1)
        );
    }
    let claim = subject.claim(&page).await;
    assert_eq!(texts(claim.messages()), ["still here"]);
}
