//! Order, and adds that are repeated: laws 2 and 3.

use crate::Message;
use crate::store::conformance::store_under_test::{AGE, LEASE, StoreUnderTest, at, texts};
use crate::store::{AddOutcome, Limits};

pub(crate) async fn order_is_by_id(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let messages: Vec<_> = (0..20).map(|n| Message::info(n.to_string())).collect();
    let mut shuffled = messages.clone();
    shuffled.reverse();
    shuffled.swap(3, 11);
    for message in shuffled {
        subject.add(&page, message).await;
    }
    let claim = subject.claim(&page).await;
    assert_eq!(texts(claim.messages()), texts(&messages));
}

pub(crate) async fn contexts_of_one_look_are_merged_in_order(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let contexts = page.read_contexts();
    let (first, second, third) = (Message::info("1"), Message::info("2"), Message::info("3"));
    subject.add(&contexts[1], second).await;
    subject.add(&page, third).await;
    subject.add(&page, first).await;
    let claim = subject.store().claim(&contexts, LEASE, AGE).await.unwrap();
    assert_eq!(texts(claim.messages()), ["1", "2", "3"]);
    subject.confirm(&claim).await;
    subject.shows(&contexts[1], &[]).await;
    subject.shows(&page, &[]).await;
}

pub(crate) async fn a_batch_is_added_whole(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..10).map(|n| Message::info(n.to_string())).collect();
    let placed = subject.add_all(&page, &batch).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
    assert_eq!(subject.peek(&page).await.messages, batch);
}

pub(crate) async fn a_repeated_add_makes_one(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let message = Message::info("once");
    subject.add(&page, message.clone()).await;
    subject.add(&page, message.clone()).await;
    let changed = Message::info("said differently").with_id(message.id());
    subject.add_all(&page, &[changed, message]).await;
    subject.shows(&page, &["once"]).await;
}

pub(crate) async fn a_repeated_add_keeps_the_lease(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let message = Message::info("once").tag("t");
    subject.add(&page, message.clone()).await;
    let claim = subject.claim(&page).await;
    subject.add(&page, message).await;
    subject.shows(&page, &[]).await;
    subject.release(&claim).await;
    subject.shows(&page, &["once"]).await;
}

pub(crate) async fn an_add_that_no_replica_has_is_in_doubt(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let limits = Limits {
        // More than anybody has.
        replicas: 30,
        ..Limits::default()
    };
    let message = [Message::info("here, and perhaps not for long")];
    for _ in 0..2 {
        let refused = subject.refuses(&limits, &page, &message).await;
        assert!(refused.is_in_doubt(), "{refused}");
    }
    subject
        .shows(&page, &["here, and perhaps not for long"])
        .await;
}

pub(crate) async fn a_repeat_within_a_batch_changes_nothing(subject: StoreUnderTest) {
    let page = at("ada", "uploads");
    let [first, second] = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let batch = [first.clone(), second, first];
    subject.add_all(&page, &batch).await;
    subject.shows(&page, &["20 %"]).await;
}

pub(crate) async fn a_repeat_of_what_is_beyond_the_cap_makes_one(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    subject.add_all(&page, &batch).await;
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    let placed = subject.add_within(&limits, &page, &batch[..1]).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 1 });
    subject.shows(&page, &["1", "2"]).await;
}
