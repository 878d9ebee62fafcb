//! Leases and how they end, and the looks that know none: laws 5 and 6.

use std::time::Duration;

use crate::Message;
use crate::store::Limits;
use crate::store::conformance::store_under_test::{
    LEASE, SHORT, StoreUnderTest, at, sessions, texts, written_before,
};

pub(crate) async fn two_claimers_never_share(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("once")).await;
    let first = store.claim(&page).await;
    let second = store.claim(&page).await;
    assert_eq!(texts(first.messages()), ["once"]);
    assert_eq!(texts(second.messages()), [""; 0]);
    store.shows(&page, &[]).await;
}

pub(crate) async fn a_release_gives_back_at_once(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    store.add_all(&page, &batch).await;
    let claim = store.claim(&page).await;
    store.shows(&page, &[]).await;
    store.release(&claim).await;
    store.shows(&page, &["1", "2"]).await;
}

pub(crate) async fn a_lease_that_ends_gives_back(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("back")).await;
    store.claim_for(SHORT, &page).await;
    store.shows(&page, &[]).await;
    store.pass(SHORT * 2).await;
    store.shows(&page, &["back"]).await;
}

pub(crate) async fn a_late_release_does_not_free_anothers_claim(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("mine now")).await;
    let late = store.claim_for(SHORT, &page).await;
    store.pass(SHORT * 2).await;
    let owner = store.claim(&page).await;
    assert_eq!(texts(owner.messages()), ["mine now"]);
    store.release(&late).await;
    store.shows(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
}

pub(crate) async fn a_late_confirm_removes(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("was shown")).await;
    let late = store.claim_for(SHORT, &page).await;
    store.pass(SHORT * 2).await;
    let other = store.claim(&page).await;
    store.confirm(&late).await;
    store.release(&other).await;
    store.shows(&page, &[]).await;
}

pub(crate) async fn a_confirm_may_be_repeated(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("old")).await;
    let claim = store.claim(&page).await;
    store.confirm(&claim).await;
    store.add(&page, Message::info("new")).await;
    store.confirm(&claim).await;
    store.shows(&page, &["new"]).await;
}

pub(crate) async fn a_confirm_follows_a_session_that_moved(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let page = at("ada", "settings");
    store.add(&page, Message::info("was shown")).await;
    let claim = store.claim_for(SHORT, &page).await;
    store.migrate(&ada, &bob).await;
    store.confirm(&claim).await;
    store.pass(SHORT * 2).await;
    store.shows(&at("bob", "settings"), &[]).await;
}

pub(crate) async fn a_released_message_keeps_its_age(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = Message::info("old").with_id(written_before(Duration::from_secs(60)));
    store.add(&page, old).await;
    let claim = store.claim(&page).await;
    store.add(&page, Message::info("young")).await;
    store.release(&claim).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let new = [Message::info("new")];
    store.add_within(&limits, &page, &new).await;
    store.shows(&page, &["young", "new"]).await;
}

pub(crate) async fn take_removes_at_once(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    store.add_all(&page, &batch).await;
    let later = Message::info("later").after(LEASE);
    store.add(&page, later).await;
    let taken = store.take(&page).await;
    assert_eq!(texts(&taken.messages), ["1", "2"]);
    assert!(
        taken.next_due_in.is_some(),
        "a look says when the next one comes"
    );
    assert_eq!(texts(&store.take(&page).await.messages), [""; 0]);
    store.shows(&page, &[]).await;
}

pub(crate) async fn peek_changes_nothing(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("still here")).await;
    store.put(&page, "garbage").await;
    for _ in 0..3 {
        let result = store.peek(&page).await;
        assert_eq!(
            (texts(&result.messages), result.undecodable),
            (vec!["still here"], 1)
        );
    }
    let claim = store.claim(&page).await;
    assert_eq!(texts(claim.messages()), ["still here"]);
}
