//! Login and logout: law 12.

use crate::store::conformance::store_under_test::{
    APP, LEASE, SHORT, StoreUnderTest, at, session, sessions, texts,
};
use crate::store::{AddOutcome, Limits};
use crate::{Context, Message, wire};

pub(crate) async fn a_closed_session_takes_nothing(store: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    store.add(&page, Message::info("gone")).await;
    store.close(&ada, SHORT).await;
    let late = [Message::info("late")];
    let refused = store.refuses(&Limits::default(), &page, &late).await;
    assert!(refused.is_closed(), "{refused}");
    let moved = store.refuses_to_migrate(&ada, &bob, true).await;
    assert!(moved.is_closed(), "{moved}");
    store.shows(&page, &[]).await;
    store.pass(SHORT * 2).await;
    store.add(&page, Message::info("a new visitor")).await;
    store.shows(&page, &["a new visitor"]).await;
}

pub(crate) async fn nothing_is_found_in_a_closed_session(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let member = |page: &Context| (page.clone(), wire::encode(&Message::info("late")).unwrap());
    store.close(&ada, LEASE).await;
    store.migrate(&bob, &session("eve")).await;
    for who in ["ada", "bob"] {
        let (page, member) = member(&at(who, "settings"));
        store.put(&page, member).await;
        store.shows(&page, &[]).await;
        assert!(store.claim(&page).await.messages().is_empty());
        let views = store.store().contexts(APP, page.session()).await;
        assert_eq!(views.unwrap(), []);
    }
}

pub(crate) async fn migrate_carries_messages_leases_and_schedules(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (old, new) = (at("ada", "settings"), at("bob", "settings"));
    store.add(&old, Message::info("leased")).await;
    let mut claim = store.claim(&old).await;
    let batch = [Message::info("here"), Message::info("later").after(SHORT)];
    store.add_all(&old, &batch).await;
    store.add(&at("ada", "*"), Message::info("any")).await;
    store.migrate(&ada, &bob).await;
    store.shows(&old, &[]).await;
    store.shows(&at("ada", "*"), &[]).await;
    store.shows(&at("bob", "*"), &["any"]).await;
    store.shows(&new, &["here"]).await;
    store.pass(SHORT * 2).await;
    store.shows(&new, &["here", "later"]).await;
    claim.follow_session(&bob);
    store.release(&claim).await;
    store.shows(&new, &["leased", "here", "later"]).await;
}

pub(crate) async fn migrate_says_where_the_session_went(store: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    store.migrate_within(&limits, &ada, &bob).await;
    let outcome = store.add(&page, Message::info("late")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(bob));
    store.shows(&page, &[]).await;
    store.pass(SHORT * 2).await;
    let outcome = store.add(&page, Message::info("new")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn migrate_may_be_repeated_but_not_redirected(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    store
        .add(&at("ada", "settings"), Message::info("once"))
        .await;
    store.migrate(&ada, &bob).await;
    store.migrate(&ada, &bob).await;
    let elsewhere = store.refuses_to_migrate(&ada, &eve, true).await;
    assert!(elsewhere.is_closed(), "{elsewhere}");
    store.shows(&at("bob", "settings"), &["once"]).await;
}

pub(crate) async fn migrate_merges_into_what_is_there(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [adas, bobs, eves] = ["ada", "bob", "eve"].map(|name| at(name, "settings"));
    let at_most = |messages| Limits {
        max_messages: messages,
        ..Limits::default()
    };
    for n in 1..=2 {
        store.add(&adas, Message::info(format!("ada's {n}"))).await;
        store.add(&bobs, Message::info(format!("bob's {n}"))).await;
    }
    store.migrate_within(&at_most(3), &ada, &bob).await;
    let result = store.peek(&bobs).await;
    assert_eq!((result.messages.len(), result.displaced), (3, 1));
    store.add(&eves, Message::info("eve's")).await;
    store.migrate_within(&at_most(1), &bob, &eve).await;
    let result = store.peek(&eves).await;
    assert_eq!(
        (texts(&result.messages), result.displaced),
        (vec!["eve's"], 4)
    );
}

pub(crate) async fn a_repeated_migrate_undoes_nothing(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [adas, bobs, eves] = ["ada", "bob", "eve"].map(|name| at(name, "settings"));
    store.add(&adas, Message::info("carried")).await;
    store.migrate(&ada, &bob).await;
    store.migrate(&bob, &eve).await;
    store.migrate(&ada, &bob).await;
    let outcome = store.add(&bobs, Message::info("late")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(eve.clone()));
    store.shows(&eves, &["carried"]).await;
    store.close(&eve, LEASE).await;
    store.migrate(&bob, &eve).await;
    let late = [Message::info("late")];
    let refused = store.refuses(&Limits::default(), &eves, &late).await;
    assert!(refused.is_closed(), "{refused}");
}

pub(crate) async fn migrate_opens_nothing_unasked(store: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    store.add(&page, Message::info("stays")).await;
    store.close(&bob, LEASE).await;
    let refused = store.refuses_to_migrate(&ada, &bob, false).await;
    assert!(refused.is_closed(), "{refused}");
    store.shows(&page, &["stays"]).await;
    store.add(&page, Message::info("open still")).await;
}

pub(crate) async fn migrate_opens_the_session_that_it_leads_to(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (adas, bobs) = (at("ada", "settings"), at("bob", "settings"));
    store.add(&adas, Message::info("there and back")).await;
    store.migrate(&ada, &bob).await;
    store.migrate(&bob, &ada).await;
    store.add(&adas, Message::info("new")).await;
    store.shows(&adas, &["there and back", "new"]).await;
    store.close(&bob, LEASE).await;
    store.migrate(&ada, &bob).await;
    store.shows(&bobs, &["there and back", "new"]).await;
    let outcome = store.add(&bobs, Message::info("open")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn a_logout_of_a_moved_session_leaves_the_way(store: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    store.migrate(&ada, &bob).await;
    store.close(&ada, LEASE).await;
    let outcome = store.add(&page, Message::info("follows")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(bob));
}

pub(crate) async fn migrate_keeps_the_cap(store: StoreUnderTest) {
    moves_three_where_two_fit(&store, &["ada"]).await;
}

pub(crate) async fn migrate_counts_what_both_hold_once(store: StoreUnderTest) {
    moves_three_where_two_fit(&store, &["ada", "bob"]).await;
}

/// Moves Ada to Bob; the same three messages are with all of these before.
async fn moves_three_where_two_fit(store: &StoreUnderTest, holders: &[&str]) {
    let (ada, bob) = sessions();
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    for who in holders {
        store.add_all(&at(who, "settings"), &batch).await;
    }
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    store.migrate_within(&limits, &ada, &bob).await;
    let result = store.peek(&at("bob", "settings")).await;
    assert_eq!(texts(&result.messages), ["1", "2"]);
    assert_eq!(result.displaced, 1);
}

pub(crate) async fn migrate_to_itself_changes_nothing(store: StoreUnderTest) {
    let (ada, _) = sessions();
    let page = at("ada", "settings");
    store.add(&page, Message::info("still here")).await;
    store.migrate(&ada, &ada).await;
    store.shows(&page, &["still here"]).await;
    let outcome = store.add(&page, Message::info("open")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}
