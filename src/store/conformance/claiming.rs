//! Leases and their ends, take and peek: requirements 5 and 6.

use std::time::Duration;

use crate::Message;
use crate::store::Limits;
use crate::store::conformance::store_under_test::{
    LEASE, SHORT, StoreUnderTest, context, id_created_before, sessions, texts,
};

pub(crate) async fn two_claims_never_share_a_message(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("once")).await;
    let first = store.claim(&page).await;
    let second = store.claim(&page).await;
    assert_eq!(texts(first.messages()), ["once"]);
    assert_eq!(texts(second.messages()), [""; 0]);
    store.assert_visible(&page, &[]).await;
}

pub(crate) async fn release_makes_messages_visible_immediately(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    store.add_all(&page, &batch).await;
    let claim = store.claim(&page).await;
    store.assert_visible(&page, &[]).await;
    store.release(&claim).await;
    store.assert_visible(&page, &["1", "2"]).await;
}

pub(crate) async fn messages_are_visible_after_lease_ends(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("back")).await;
    store.claim_for(SHORT, &page).await;
    store.assert_visible(&page, &[]).await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&page, &["back"]).await;
}

pub(crate) async fn late_release_keeps_messages_of_other_claim(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("claimed again")).await;
    let late = store.claim_for(SHORT, &page).await;
    store.advance(SHORT * 2).await;
    let owner = store.claim(&page).await;
    assert_eq!(texts(owner.messages()), ["claimed again"]);
    store.release(&late).await;
    store.assert_visible(&page, &[]).await;
    assert_eq!(texts(store.claim(&page).await.messages()), [""; 0]);
}

pub(crate) async fn late_confirm_removes_messages(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("was shown")).await;
    let late = store.claim_for(SHORT, &page).await;
    store.advance(SHORT * 2).await;
    let other = store.claim(&page).await;
    store.confirm(&late).await;
    store.release(&other).await;
    store.assert_visible(&page, &[]).await;
}

pub(crate) async fn repeated_confirm_keeps_new_messages(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("old")).await;
    let claim = store.claim(&page).await;
    store.confirm(&claim).await;
    store.add(&page, Message::info("new")).await;
    store.confirm(&claim).await;
    store.assert_visible(&page, &["new"]).await;
}

pub(crate) async fn confirm_follows_moved_session(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let page = context("ada", "settings");
    store.add(&page, Message::info("was shown")).await;
    let claim = store.claim_for(SHORT, &page).await;
    store.migrate(&ada, &bob).await;
    store.confirm(&claim).await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&context("bob", "settings"), &[]).await;
}

pub(crate) async fn released_message_keeps_its_age(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let old = Message::info("old").with_id(id_created_before(Duration::from_secs(60)));
    store.add(&page, old).await;
    let claim = store.claim(&page).await;
    store.add(&page, Message::info("young")).await;
    store.release(&claim).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let new = [Message::info("new")];
    store.add_with_limits(&limits, &page, &new).await;
    store.assert_visible(&page, &["young", "new"]).await;
}

pub(crate) async fn take_removes_messages_immediately(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let batch = [Message::info("1"), Message::info("2")];
    store.add_all(&page, &batch).await;
    let later = Message::info("later").after(LEASE);
    store.add(&page, later).await;
    let taken = store.take(&page).await;
    assert_eq!(texts(&taken.messages), ["1", "2"]);
    assert!(
        taken.next_due_in.is_some(),
        "a read returns the time of the next message"
    );
    assert_eq!(texts(&store.take(&page).await.messages), [""; 0]);
    store.assert_visible(&page, &[]).await;
}

pub(crate) async fn peek_changes_nothing(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("still here")).await;
    store.put_member(&page, "garbage").await;
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
