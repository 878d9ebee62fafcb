//! Limits of messages and contexts: requirement 7.

use crate::Message;
use crate::store::conformance::store_under_test::{
    SHORT, StoreUnderTest, context, sessions, texts,
};
use crate::store::{AddOutcome, Limits, Selector, WhenFull};

fn limited_to(messages: usize) -> Limits {
    Limits {
        max_messages: messages,
        ..Limits::default()
    }
}

fn rejecting_over(messages: usize) -> Limits {
    Limits {
        when_full: WhenFull::Reject,
        ..limited_to(messages)
    }
}

pub(crate) async fn batch_over_limit_is_rejected_completely(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("here")).await;
    let batch = ["a", "b", "c"].map(Message::info);
    let error = store.add_error(&rejecting_over(3), &page, &batch).await;
    assert!(error.is_full(), "{error}");
    store.assert_visible(&page, &["here"]).await;
    let fits = ["a", "b"].map(Message::info);
    store
        .add_with_limits(&rejecting_over(3), &page, &fits)
        .await;
    store.assert_visible(&page, &["here", "a", "b"]).await;
}

pub(crate) async fn rejected_add_changes_nothing(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let batch = ["0", "1", "2", "3", "4"].map(Message::info);
    store.add_all(&page, &batch).await;
    let late = [Message::info("x")];
    let error = store.add_error(&rejecting_over(3), &page, &late).await;
    assert!(error.is_full(), "{error}");
    store
        .assert_visible(&page, &["0", "1", "2", "3", "4"])
        .await;
    let next = [Message::info("5")];
    store.add_with_limits(&limited_to(3), &page, &next).await;
    store.assert_visible(&page, &["3", "4", "5"]).await;
}

pub(crate) async fn full_context_of_leased_messages_keeps_new_message(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let old = ["0", "1", "2"].map(Message::info);
    store.add_with_limits(&limited_to(3), &page, &old).await;
    assert_eq!(store.claim(&page).await.messages().len(), 3);
    let new = [Message::info("new")];
    let outcome = store.add_with_limits(&limited_to(3), &page, &new).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 1 });
    store.assert_visible(&page, &["new"]).await;
}

pub(crate) async fn oldest_message_is_displaced_and_reported_once(store: StoreUnderTest) {
    let page = context("ada", "settings");
    for text in ["1", "2", "3", "4"] {
        let message = [Message::info(text)];
        store.add_with_limits(&limited_to(2), &page, &message).await;
    }
    assert_eq!(store.peek(&page).await.displaced, 2);
    let claim = store.claim(&page).await;
    assert_eq!(texts(claim.messages()), ["3", "4"]);
    assert_eq!(claim.result.displaced, 2);
    store.release(&claim).await;
    assert_eq!(store.claim(&page).await.result.displaced, 0);
    let batch = ["0", "1", "2", "3", "4"].map(Message::info);
    let outcome = store.add_with_limits(&limited_to(2), &page, &batch).await;
    // Two of seven messages stay.
    assert_eq!(outcome, AddOutcome::Added { displaced: 5 });
    store.assert_visible(&page, &["3", "4"]).await;
}

pub(crate) async fn displaced_count_is_reported_with_visible_messages(store: StoreUnderTest) {
    let page = context("ada", "settings");
    for text in ["1", "2"] {
        let message = [Message::info(text).after(SHORT)];
        store.add_with_limits(&limited_to(1), &page, &message).await;
    }
    assert_eq!(
        store.claim(&page).await.result.displaced,
        0,
        "no message is visible yet"
    );
    store.advance(SHORT * 2).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.displaced),
        (vec!["2"], 1)
    );
}

pub(crate) async fn add_over_context_limit_is_rejected(store: StoreUnderTest) {
    let limits = Limits {
        max_contexts: 3,
        ..Limits::default()
    };
    let message = || [Message::info("x")];
    for view in ["1", "2", "3", "1"] {
        let page = context("ada", view);
        store.add_with_limits(&limits, &page, &message()).await;
    }
    let fourth = context("ada", "4");
    let error = store.add_error(&limits, &fourth, &message()).await;
    assert!(error.is_full(), "{error}");
    store.assert_visible(&fourth, &[]).await;
    let other = context("bob", "4");
    store.add_with_limits(&limits, &other, &message()).await;
    let claim = store.claim(&context("ada", "2")).await;
    store.confirm(&claim).await;
    store.add_with_limits(&limits, &fourth, &message()).await;
}

pub(crate) async fn displaced_count_is_discarded_with_last_message(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (page, other) = (context("ada", "settings"), context("bob", "settings"));
    let limits = Limits {
        max_messages: 1,
        ..Limits::default()
    };
    let batch = ["1", "2"].map(|text| Message::info(text).tag(text));
    for page in [&page, &other] {
        store.add_with_limits(&limits, page, &batch).await;
        let removed = store.store().retract(page, &Selector::from("2")).await;
        assert_eq!(removed.unwrap(), 1);
    }
    store.add(&page, Message::info("new")).await;
    assert_eq!(store.peek(&page).await.displaced, 0);
    store.migrate_with_limits(&limits, &ada, &bob).await;
    assert_eq!(store.peek(&other).await.displaced, 0);
}

pub(crate) async fn empty_context_counts_as_new_for_context_limit(store: StoreUnderTest) {
    for view in ["1", "2", "3"] {
        store.add(&context("ada", view), Message::info("x")).await;
    }
    let (emptied, message) = (context("ada", "3"), [Message::info("x")]);
    store.take(&emptied).await;
    let limits = Limits {
        max_contexts: 2,
        ..Limits::default()
    };
    let error = store.add_error(&limits, &emptied, &message).await;
    assert!(error.is_full(), "{error}");
    store.store().clear(&context("ada", "2")).await.unwrap();
    store.add_with_limits(&limits, &emptied, &message).await;
}
