//! Isolation of contexts: requirement 10.

use crate::store::conformance::store_under_test::{
    APP, LEASE, StoreUnderTest, context, session, sessions,
};
use crate::{Context, Message, View};

pub(crate) async fn views_are_isolated(store: StoreUnderTest) {
    let names = [
        "settings",
        "settings/password",
        "settings:password",
        "set*",
        "*x",
        "%2A",
        "a b",
        "ø",
    ];
    for name in names {
        store.add(&context("ada", name), Message::info(name)).await;
    }
    for name in names {
        store.assert_visible(&context("ada", name), &[name]).await;
    }
    let any = context("ada", "settings").with_view(View::ANY);
    store.assert_visible(&any, &[]).await;
}

pub(crate) async fn sessions_and_applications_are_isolated(store: StoreUnderTest) {
    let names = ["a", "a:b", "{a}", "a}b", "a{b", "A", "a!session", "%61"];
    let view = View::new("v").unwrap();
    let page = |app, name| Context::new(app, session(name), view.clone()).unwrap();
    let pages: Vec<_> = names
        .iter()
        .flat_map(|app| names.map(|name| page(*app, name)))
        .collect();
    let own = |page: &Context| format!("{} {}", page.app(), page.session().as_str());
    for page in &pages {
        store.add(page, Message::info(own(page))).await;
    }
    for page in &pages {
        store.assert_visible(page, &[&own(page)]).await;
    }
}

pub(crate) async fn contexts_lists_views_with_visible_messages(store: StoreUnderTest) {
    let (ada, _) = sessions();
    let listed = store.store().contexts(APP, &ada).await;
    assert_eq!(listed.unwrap(), []);
    for view in ["settings", "*", "orders/{id}"] {
        store
            .add(&context("ada", view), Message::info("here"))
            .await;
    }
    let (later, claimed) = (Message::info("later").after(LEASE), Message::info("held"));
    store.add(&context("ada", "scheduled"), later).await;
    store.add(&context("ada", "claimed"), claimed).await;
    store.claim(&context("ada", "claimed")).await;
    store
        .add(&context("bob", "other"), Message::info("bob's"))
        .await;
    let mut views = store.store().contexts(APP, &ada).await.unwrap();
    views.sort();
    let named = |name| View::new(name).unwrap();
    assert_eq!(views, [View::ANY, named("orders/{id}"), named("settings")]);
}
