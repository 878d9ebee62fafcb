//! Nothing is found under another address: law 10.

use crate::store::conformance::store_under_test::{
    APP, LEASE, StoreUnderTest, at, session, sessions,
};
use crate::{Context, Message, View};

pub(crate) async fn views_are_isolated(subject: StoreUnderTest) {
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
        subject.add(&at("ada", name), Message::info(name)).await;
    }
    for name in names {
        subject.shows(&at("ada", name), &[name]).await;
    }
    let any = at("ada", "settings").with_view(View::ANY);
    subject.shows(&any, &[]).await;
}

pub(crate) async fn sessions_and_applications_are_isolated(subject: StoreUnderTest) {
    let names = ["a", "a:b", "{a}", "a}b", "a{b", "A", "a!session", "%61"];
    let view = View::new("v").unwrap();
    let page = |app, name| Context::new(app, session(name), view.clone()).unwrap();
    let pages: Vec<_> = names
        .iter()
        .flat_map(|app| names.map(|name| page(*app, name)))
        .collect();
    let own = |page: &Context| format!("{} {}", page.app(), page.session().as_str());
    for page in &pages {
        subject.add(page, Message::info(own(page))).await;
    }
    for page in &pages {
        subject.shows(page, &[&own(page)]).await;
    }
}

pub(crate) async fn contexts_lists_what_is_visible(subject: StoreUnderTest) {
    let (ada, _) = sessions();
    let listed = subject.store().contexts(APP, &ada).await;
    assert_eq!(listed.unwrap(), []);
    for view in ["settings", "*", "orders/{id}"] {
        subject.add(&at("ada", view), Message::info("here")).await;
    }
    let (later, held) = (Message::info("later").after(LEASE), Message::info("held"));
    subject.add(&at("ada", "scheduled"), later).await;
    subject.add(&at("ada", "claimed"), held).await;
    subject.claim(&at("ada", "claimed")).await;
    subject
        .add(&at("bob", "other"), Message::info("bob's"))
        .await;
    let mut views = subject.store().contexts(APP, &ada).await.unwrap();
    views.sort();
    let named = |name| View::new(name).unwrap();
    assert_eq!(views, [View::ANY, named("orders/{id}"), named("settings")]);
}
