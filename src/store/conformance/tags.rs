//! A later message in the place of an earlier: law 4.

use serde_json::json;

use crate::Message;
use crate::store::conformance::store_under_test::{StoreUnderTest, at};
use crate::store::{AddOutcome, Selector};

pub(crate) async fn a_tag_replaces(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    let (import, export) = (
        Message::info("10 %").tag("import"),
        Message::info("other").tag("export"),
    );
    subject.add(&page, import).await;
    subject.add(&page, export).await;
    subject.add(&page, Message::info("untagged")).await;
    let done = Message::success("done").tag("import");
    subject.add(&page, done).await;
    subject.shows(&page, &["other", "untagged", "done"]).await;
    let elsewhere = Message::info("elsewhere").tag("import");
    subject.add(&at("ada", "settings"), elsewhere).await;
    subject.shows(&page, &["other", "untagged", "done"]).await;
}

pub(crate) async fn a_tag_replaces_within_a_batch(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    subject.add(&page, Message::info("0 %").tag("import")).await;
    let batch = ["10 %", "20 %", "done"].map(|text| Message::info(text).tag("import"));
    let placed = subject.add_all(&page, &batch).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
    subject.shows(&page, &["done"]).await;
}

pub(crate) async fn a_tag_replaces_what_is_leased(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    let progress = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let [first, second] = progress;
    subject.add(&page, first).await;
    let claim = subject.claim(&page).await;
    subject.add(&page, second).await;
    subject.shows(&page, &["20 %"]).await;
    subject.release(&claim).await;
    subject.shows(&page, &["20 %"]).await;
}

pub(crate) async fn a_tag_inside_data_is_not_a_tag(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    let sly = Message::info(r#"","tag":"import""#).data(json!({ "tag": "import" }));
    let slyer = Message::info("sly").data(json!([r#"{"id":"","tag":"import","#]));
    subject.add_all(&page, &[sly, slyer]).await;
    let done = Message::info("done").tag("import");
    subject.add(&page, done).await;
    assert_eq!(subject.peek(&page).await.messages.len(), 3);
    let by_tag = Selector::from("import");
    assert_eq!(subject.store().retract(&page, &by_tag).await.unwrap(), 1);
    assert_eq!(subject.peek(&page).await.messages.len(), 2);
}
