//! What does not fit: law 7.

use crate::Message;
use crate::store::conformance::store_under_test::{SHORT, StoreUnderTest, at, sessions, texts};
use crate::store::{AddOutcome, Limits, Selector, WhenFull};

fn at_most(messages: usize) -> Limits {
    Limits {
        max_messages: messages,
        ..Limits::default()
    }
}

fn rejecting(messages: usize) -> Limits {
    Limits {
        when_full: WhenFull::Reject,
        ..at_most(messages)
    }
}

pub(crate) async fn a_batch_that_does_not_fit_is_refused_whole(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("here")).await;
    let batch = ["a", "b", "c"].map(Message::info);
    let refused = store.refuses(&rejecting(3), &page, &batch).await;
    assert!(refused.is_full(), "{refused}");
    store.shows(&page, &["here"]).await;
    let fits = ["a", "b"].map(Message::info);
    store.add_within(&rejecting(3), &page, &fits).await;
    store.shows(&page, &["here", "a", "b"]).await;
}

pub(crate) async fn a_refused_add_changes_nothing(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let batch = ["0", "1", "2", "3", "4"].map(Message::info);
    store.add_all(&page, &batch).await;
    let late = [Message::info("x")];
    let refused = store.refuses(&rejecting(3), &page, &late).await;
    assert!(refused.is_full(), "{refused}");
    store.shows(&page, &["0", "1", "2", "3", "4"]).await;
    let next = [Message::info("5")];
    store.add_within(&at_most(3), &page, &next).await;
    store.shows(&page, &["3", "4", "5"]).await;
}

pub(crate) async fn a_full_context_of_leased_messages_keeps_the_new_one(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = ["0", "1", "2"].map(Message::info);
    store.add_within(&at_most(3), &page, &old).await;
    assert_eq!(store.claim(&page).await.messages().len(), 3);
    let new = [Message::info("new")];
    let outcome = store.add_within(&at_most(3), &page, &new).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 1 });
    store.shows(&page, &["new"]).await;
}

pub(crate) async fn the_oldest_is_displaced_and_told_once(store: StoreUnderTest) {
    let page = at("ada", "settings");
    for text in ["1", "2", "3", "4"] {
        let message = [Message::info(text)];
        store.add_within(&at_most(2), &page, &message).await;
    }
    assert_eq!(store.peek(&page).await.displaced, 2);
    let claim = store.claim(&page).await;
    assert_eq!(texts(claim.messages()), ["3", "4"]);
    assert_eq!(claim.result.displaced, 2);
    store.release(&claim).await;
    assert_eq!(store.claim(&page).await.result.displaced, 0);
    let large = ["0", "1", "2", "3", "4"].map(Message::info);
    let outcome = store.add_within(&at_most(2), &page, &large).await;
    let two_stay_of_seven = AddOutcome::Added { displaced: 5 };
    assert_eq!(outcome, two_stay_of_seven);
    store.shows(&page, &["3", "4"]).await;
}

pub(crate) async fn what_was_displaced_is_told_with_what_is_shown(store: StoreUnderTest) {
    let page = at("ada", "settings");
    for text in ["1", "2"] {
        let message = [Message::info(text).after(SHORT)];
        store.add_within(&at_most(1), &page, &message).await;
    }
    assert_eq!(
        store.claim(&page).await.result.displaced,
        0,
        "nothing is shown yet"
    );
    store.pass(SHORT * 2).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.displaced),
        (vec!["2"], 1)
    );
}

pub(crate) async fn a_session_has_a_limited_number_of_contexts(store: StoreUnderTest) {
    let limits = Limits {
        max_contexts: 3,
        ..Limits::default()
    };
    let message = || [Message::info("x")];
    for view in ["1", "2", "3", "1"] {
        let page = at("ada", view);
        store.add_within(&limits, &page, &message()).await;
    }
    let fourth = at("ada", "4");
    let refused = store.refuses(&limits, &fourth, &message()).await;
    assert!(refused.is_full(), "{refused}");
    store.shows(&fourth, &[]).await;
    let anothers = at("bob", "4");
    store.add_within(&limits, &anothers, &message()).await;
    let claim = store.claim(&at("ada", "2")).await;
    store.confirm(&claim).await;
    store.add_within(&limits, &fourth, &message()).await;
}

pub(crate) async fn what_was_displaced_is_forgotten_with_the_last_message(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (page, other) = (at("ada", "settings"), at("bob", "settings"));
    let limits = Limits {
        max_messages: 1,
        ..Limits::default()
    };
    let batch = ["1", "2"].map(|text| Message::info(text).tag(text));
    for page in [&page, &other] {
        store.add_within(&limits, page, &batch).await;
        let removed = store.store().retract(page, &Selector::from("2")).await;
        assert_eq!(removed.unwrap(), 1);
    }
    store.add(&page, Message::info("new")).await;
    assert_eq!(store.peek(&page).await.displaced, 0);
    store.migrate_within(&limits, &ada, &bob).await;
    assert_eq!(store.peek(&other).await.displaced, 0);
}

pub(crate) async fn an_empty_context_needs_room_as_a_new_one_does(store: StoreUnderTest) {
    for view in ["1", "2", "3"] {
        store.add(&at("ada", view), Message::info("x")).await;
    }
    let (left, message) = (at("ada", "3"), [Message::info("x")]);
    store.take(&left).await;
    let limits = Limits {
        max_contexts: 2,
        ..Limits::default()
    };
    let refused = store.refuses(&limits, &left, &message).await;
    assert!(refused.is_full(), "{refused}");
    store.store().clear(&at("ada", "2")).await.unwrap();
    store.add_within(&limits, &left, &message).await;
}
