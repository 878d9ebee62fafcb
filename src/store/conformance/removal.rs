//! Removal: retract, clear and sweep.

use std::time::Duration;

use crate::Message;
use crate::store::Selector;
use crate::store::conformance::store_under_test::{
    APP, StoreUnderTest, context, id_created_before, sessions,
};

pub(crate) async fn retract_removes_by_tag(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let (import, other) = (
        Message::info("10 %").tag("import"),
        Message::info("other").tag("import2"),
    );
    store.add(&page, import).await;
    store.add(&page, other).await;
    store.claim(&page).await;
    for (tag, expected) in [("import", 1), ("import", 0), ("import2", 1)] {
        let removed = store.store().retract(&page, &Selector::from(tag)).await;
        assert_eq!(
            removed.unwrap(),
            expected,
            "messages with tag {tag}, leased or not"
        );
    }
}

pub(crate) async fn retract_removes_by_id(store: StoreUnderTest) {
    let page = context("ada", "uploads");
    let messages = [Message::info("first").tag("t"), Message::info("second")];
    let unknown_id = Message::info("never added").id();
    let by_ids = Selector::from(vec![messages[0].id(), unknown_id, messages[1].id()]);
    store.add_all(&page, &messages).await;
    store.claim(&page).await;
    store.add(&page, Message::info("other")).await;
    for expected in [2, 0] {
        let removed = store.store().retract(&page, &by_ids).await;
        assert_eq!(
            removed.unwrap(),
            expected,
            "messages with the ids, leased or not"
        );
    }
    store.assert_visible(&page, &["other"]).await;
}

pub(crate) async fn clear_removes_one_context(store: StoreUnderTest) {
    let (page, other) = (context("ada", "settings"), context("ada", "dashboard"));
    store.add(&page, Message::info("gone")).await;
    store.add(&other, Message::info("here")).await;
    store.store().clear(&page).await.unwrap();
    store.assert_visible(&page, &[]).await;
    store.assert_visible(&other, &["here"]).await;
    store.add(&page, Message::info("new")).await;
    store.assert_visible(&page, &["new"]).await;
}

pub(crate) async fn clear_session_removes_all_contexts(store: StoreUnderTest) {
    let (ada, _) = sessions();
    let pages = ["settings", "dashboard", "*"].map(|view| context("ada", view));
    let other = context("bob", "settings");
    for page in &pages {
        store.add(page, Message::info("gone")).await;
    }
    store.add(&other, Message::info("bob's")).await;
    let cleared = store.store().clear_session(APP, &ada, None).await;
    cleared.unwrap();
    for page in &pages {
        store.assert_visible(page, &[]).await;
    }
    store.assert_visible(&other, &["bob's"]).await;
    store.add(&pages[0], Message::info("still open")).await;
    store.assert_visible(&pages[0], &["still open"]).await;
}

pub(crate) async fn sweep_removes_old_messages(store: StoreUnderTest) {
    let (hour, pages) = (
        Duration::from_secs(3600),
        ["ada", "bob"].map(|name| context(name, "page")),
    );
    for page in &pages {
        let old = Message::info("old").with_id(id_created_before(hour));
        store.add(page, old).await;
        store.claim(page).await;
        store.add(page, Message::info("young")).await;
    }
    for (app, removed) in [("another", 0), (APP, 2), (APP, 0)] {
        let (mut swept, mut from) = (0, None);
        loop {
            let step = store
                .store()
                .sweep(app, hour / 2, from.as_deref())
                .await
                .unwrap();
            swept += step.removed;
            from = step.cursor;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(swept, removed, "old messages of {app}, leased or not");
    }
    for page in &pages {
        store.assert_visible(page, &["young"]).await;
    }
}
