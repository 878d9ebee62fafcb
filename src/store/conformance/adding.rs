//! Order, and adds that are repeated: laws 2 and 3.

use crate::Message;
use crate::store::conformance::store_under_test::{AGE, LEASE, StoreUnderTest, at, texts};
use crate::store::{AddOutcome, Limits};

pub(crate) async fn order_is_by_id(store: StoreUnderTest) {
    let page = at("ada", "settings");
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

pub(crate) async fn contexts_of_one_look_are_merged_in_order(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let contexts = page.read_contexts();
    let (first, second, third) = (Message::info("1"), Message::info("2"), Message::info("3"));
    store.add(&contexts[1], second).await;
    store.add(&page, third).await;
    store.add(&page, first).await;
    let claim = store.store().claim(&contexts, LEASE, AGE).await.unwrap();
    assert_eq!(texts(claim.messages()), ["1", "2", "3"]);
    store.confirm(&claim).await;
    store.shows(&contexts[1], &[]).await;
    store.shows(&page, &[]).await;
}

pub(crate) async fn a_batch_is_added_whole(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..10).map(|n| Message::info(n.to_string())).collect();
    let outcome = store.add_all(&page, &batch).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    assert_eq!(store.peek(&page).await.messages, batch);
}

pub(crate) async fn a_repeated_add_makes_one(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let message = Message::info("once");
    store.add(&page, message.clone()).await;
    store.add(&page, message.clone()).await;
    let changed = Message::info("said differently").with_id(message.id());
    store.add_all(&page, &[changed, message]).await;
    store.shows(&page, &["once"]).await;
}

pub(crate) async fn a_repeated_add_keeps_the_lease(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let message = Message::info("once").tag("t");
    store.add(&page, message.clone()).await;
    let claim = store.claim(&page).await;
    store.add(&page, message).await;
    store.shows(&page, &[]).await;
    store.release(&claim).await;
    store.shows(&page, &["once"]).await;
}

pub(crate) async fn an_add_that_no_replica_has_is_in_doubt(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let limits = Limits {
        // More than anybody has.
        replicas: 30,
        ..Limits::default()
    };
    let message = [Message::info("here, and perhaps not for long")];
    for _ in 0..2 {
        let refused = store.refuses(&limits, &page, &message).await;
        assert!(refused.is_in_doubt(), "{refused}");
    }
    store
        .shows(&page, &["here, and perhaps not for long"])
        .await;
}

pub(crate) async fn a_repeat_within_a_batch_changes_nothing(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let [first, second] = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let batch = [first.clone(), second, first];
    store.add_all(&page, &batch).await;
    store.shows(&page, &["20 %"]).await;
}

pub(crate) async fn a_repeat_of_what_is_beyond_the_cap_makes_one(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    store.add_all(&page, &batch).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let outcome = store.add_within(&limits, &page, &batch[..1]).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 1 });
    store.shows(&page, &["1", "2"]).await;
}
