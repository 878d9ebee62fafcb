//! What a retract and a clear remove, and what they leave.

use std::time::Duration;

use crate::Message;
use crate::store::Selector;
use crate::store::conformance::store_under_test::{
    APP, StoreUnderTest, at, sessions, written_before,
};

pub(crate) async fn retract_removes_by_tag(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let (import, other) = (
        Message::info("10 %").tag("import"),
        Message::info("other").tag("import2"),
    );
    store.add(&page, import).await;
    store.add(&page, other).await;
    store.claim(&page).await;
    for (tag, left) in [("import", 1), ("import", 0), ("import2", 1)] {
        let removed = store.store().retract(&page, &Selector::from(tag)).await;
        assert_eq!(removed.unwrap(), left, "leased ones too, and only of {tag}");
    }
}

pub(crate) async fn retract_removes_by_id(store: StoreUnderTest) {
    let page = at("ada", "uploads");
    let mine = [Message::info("mine").tag("t"), Message::info("mine too")];
    let strangers = Message::info("never added").id();
    let by_ids = Selector::from(vec![mine[0].id(), strangers, mine[1].id()]);
    store.add_all(&page, &mine).await;
    store.claim(&page).await;
    store.add(&page, Message::info("other")).await;
    for left in [2, 0] {
        let removed = store.store().retract(&page, &by_ids).await;
        assert_eq!(removed.unwrap(), left, "leased ones too, and only those");
    }
    store.shows(&page, &["other"]).await;
}

pub(crate) async fn clear_removes_one_context(store: StoreUnderTest) {
    let (page, other) = (at("ada", "settings"), at("ada", "dashboard"));
    store.add(&page, Message::info("gone")).await;
    store.add(&other, Message::info("here")).await;
    store.store().clear(&page).await.unwrap();
    store.shows(&page, &[]).await;
    store.shows(&other, &["here"]).await;
    store.add(&page, Message::info("new")).await;
    store.shows(&page, &["new"]).await;
}

pub(crate) async fn clear_session_removes_all_contexts(store: StoreUnderTest) {
    let (ada, _) = sessions();
    let pages = ["settings", "dashboard", "*"].map(|view| at("ada", view));
    let anothers = at("bob", "settings");
    for page in &pages {
        store.add(page, Message::info("gone")).await;
    }
    store.add(&anothers, Message::info("bob's")).await;
    let cleared = store.store().clear_session(APP, &ada, None).await;
    cleared.unwrap();
    for page in &pages {
        store.shows(page, &[]).await;
    }
    store.shows(&anothers, &["bob's"]).await;
    store.add(&pages[0], Message::info("open still")).await;
    store.shows(&pages[0], &["open still"]).await;
}

pub(crate) async fn a_sweep_drops_what_is_old(store: StoreUnderTest) {
    let (hour, pages) = (
        Duration::from_secs(3600),
        ["ada", "bob"].map(|who| at(who, "page")),
    );
    for page in &pages {
        let old = Message::info("old").with_id(written_before(hour));
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
        assert_eq!(swept, removed, "leased ones too, and only of {app}");
    }
    for page in &pages {
        store.shows(page, &["young"]).await;
    }
}
