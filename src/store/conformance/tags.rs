//! Replacement by tag: requirement 4.

use serde_json::json;

use crate::Message;
use crate::store::conformance::store_under_test::{StoreUnderTest, context};
use crate::store::{AddOutcome, Selector};

pub(crate) async fn tag_replaces_earlier_message(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let (import, export) = (
        Message::info("10 %").tag("import"),
        Message::info("other").tag("export"),
    );
    store.add(&page, import).await;
    store.add(&page, export).await;
    store.add(&page, Message::info("untagged")).await;
    let done = Message::success("done").tag("import");
    store.add(&page, done).await;
    store
        .assert_visible(&page, &["other", "untagged", "done"])
        .await;
    let elsewhere = Message::info("elsewhere").tag("import");
    store.add(&context("ada", "settings"), elsewhere).await;
    store
        .assert_visible(&page, &["other", "untagged", "done"])
        .await;
}

pub(crate) async fn tag_replaces_earlier_message_in_batch(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    store.add(&page, Message::info("0 %").tag("import")).await;
    let batch = ["10 %", "20 %", "done"].map(|text| Message::info(text).tag("import"));
    let outcome = store.add_all(&page, &batch).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    store.assert_visible(&page, &["done"]).await;
}

pub(crate) async fn tag_replaces_leased_message(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let progress = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let [first, second] = progress;
    store.add(&page, first).await;
    let claim = store.claim(&page).await;
    store.add(&page, second).await;
    store.assert_visible(&page, &["20 %"]).await;
    store.release(&claim).await;
    store.assert_visible(&page, &["20 %"]).await;
}

pub(crate) async fn tag_in_message_data_is_ignored(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let in_text = Message::info(r#"","tag":"import""#).data(json!({ "tag": "import" }));
    let in_data = Message::info("text").data(json!([r#"{"id":"","tag":"import","#]));
    store.add_all(&page, &[in_text, in_data]).await;
    let done = Message::info("done").tag("import");
    store.add(&page, done).await;
    assert_eq!(store.peek(&page).await.messages.len(), 3);
    let by_tag = Selector::from("import");
    assert_eq!(store.store().retract(&page, &by_tag).await.unwrap(), 1);
    assert_eq!(store.peek(&page).await.messages.len(), 2);
}
