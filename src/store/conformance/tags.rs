//! A later message in the place of an earlier: law 4.

use serde_json::json;

use crate::Message;
use crate::store::conformance::store_under_test::{StoreUnderTest, at};
use crate::store::{AddOutcome, Selector};

pub(crate) async fn a_tag_replaces(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let (import, export) = (
        Message::info("10 %").tag("import"),
        Message::info("other").tag("export"),
    );
    store.add(&page, import).await;
    store.add(&page, export).await;
    store.add(&page, Message::info("untagged")).await;
    let done = Message::success("done").tag("import");
    store.add(&page, done).await;
    store.shows(&page, &["other", "untagged", "done"]).await;
    let elsewhere = Message::info("elsewhere").tag("import");
    store.add(&at("ada", "settings"), elsewhere).await;
    store.shows(&page, &["other", "untagged", "done"]).await;
}

pub(crate) async fn a_tag_replaces_within_a_batch(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    store.add(&page, Message::info("0 %").tag("import")).await;
    let batch = ["10 %", "20 %", "done"].map(|text| Message::info(text).tag("import"));
    let outcome = store.add_all(&page, &batch).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    store.shows(&page, &["done"]).await;
}

pub(crate) async fn a_tag_replaces_what_is_leased(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let progress = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let [first, second] = progress;
    store.add(&page, first).await;
    let claim = store.claim(&page).await;
    store.add(&page, second).await;
    store.shows(&page, &["20 %"]).await;
    store.release(&claim).await;
    store.shows(&page, &["20 %"]).await;
}

pub(crate) async fn a_tag_inside_data_is_not_a_tag(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let sly = Message::info(r#"","tag":"import""#).data(json!({ "tag": "import" }));
    let slyer = Message::info("sly").data(json!([r#"{"id":"","tag":"import","#]));
    store.add_all(&page, &[sly, slyer]).await;
    let done = Message::info("done").tag("import");
    store.add(&page, done).await;
    assert_eq!(store.peek(&page).await.messages.len(), 3);
    let by_tag = Selector::from("import");
    assert_eq!(store.store().retract(&page, &by_tag).await.unwrap(), 1);
    assert_eq!(store.peek(&page).await.messages.len(), 2);
}
