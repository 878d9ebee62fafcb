//! Order and repeated adds: requirements 2 and 3.

use crate::Message;
use crate::store::conformance::store_under_test::{AGE, LEASE, StoreUnderTest, context, texts};
use crate::store::{AddOutcome, Limits};

pub(crate) async fn messages_are_ordered_by_id(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let messages: Vec<_> = (0..20).map(|n| Message::info(n.to_string())).collect();
    let mut shuffled = messages.clone();
    shuffled.reverse();
    shuffled.swap(3, 11);
    for message in shuffled {
        store.add(&page, message).await;
    }
    let claim = store.claim(&page).await;
    assert_eq!(texts(claim.messages()), texts(&messages));
}

pub(crate) async fn messages_of_several_contexts_are_merged_by_id(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let contexts = page.contexts_to_read();
    let (first, second, third) = (Message::info("1"), Message::info("2"), Message::info("3"));
    store.add(&contexts[1], second).await;
    store.add(&page, third).await;
    store.add(&page, first).await;
    let claim = store.store().claim(&contexts, LEASE, AGE).await.unwrap();
    assert_eq!(texts(claim.messages()), ["1", "2", "3"]);
    store.confirm(&claim).await;
    store.assert_visible(&contexts[1], &[]).await;
    store.assert_visible(&page, &[]).await;
}

pub(crate) async fn batch_is_added_completely(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let batch: Vec<_> = (0..10).map(|n| Message::info(n.to_string())).collect();
    let outcome = store.add_all(&page, &batch).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    assert_eq!(store.peek(&page).await.messages, batch);
}

pub(crate) async fn repeated_add_stores_one_message(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let message = Message::info("once");
    store.add(&page, message.clone()).await;
    store.add(&page, message.clone()).await;
    let changed = Message::info("other text").with_id(message.id());
    store.add_all(&page, &[changed, message]).await;
    store.assert_visible(&page, &["once"]).await;
}

pub(crate) async fn repeated_add_keeps_lease(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let message = Message::info("once").tag("t");
    store.add(&page, message.clone()).await;
    let claim = store.claim(&page).await;
    store.add(&page, message).await;
    store.assert_visible(&page, &[]).await;
    store.release(&claim).await;
    store.assert_visible(&page, &["once"]).await;
}

pub(crate) async fn add_without_replicas_is_in_doubt(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let limits = Limits {
        // More replicas than any server has.
        replicas: 30,
        ..Limits::default()
    };
    let message = [Message::info("stored but not replicated")];
    for _ in 0..2 {
        let error = store.add_error(&limits, &page, &message).await;
        assert!(error.is_in_doubt(), "{error}");
    }
    store
        .assert_visible(&page, &["stored but not replicated"])
        .await;
}

pub(crate) async fn duplicate_id_in_batch_is_ignored(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let [first, second] = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let batch = [first.clone(), second, first];
    store.add_all(&page, &batch).await;
    store.assert_visible(&page, &["20 %"]).await;
}

pub(crate) async fn repeated_add_of_message_beyond_limit_adds_nothing(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    store.add_all(&page, &batch).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let outcome = store.add_with_limits(&limits, &page, &batch[..1]).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 1 });
    store.assert_visible(&page, &["1", "2"]).await;
}
