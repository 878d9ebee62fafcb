//! Login and logout: requirement 12.

use crate::store::conformance::store_under_test::{
    APP, LEASE, SHORT, StoreUnderTest, context, session, sessions, texts,
};
use crate::store::{AddOutcome, Limits};
use crate::{Context, Message, wire};

pub(crate) async fn closed_session_rejects_add_and_migrate(store: StoreUnderTest) {
    let (page, (ada, bob)) = (context("ada", "settings"), sessions());
    store.add(&page, Message::info("gone")).await;
    store.close(&ada, SHORT).await;
    let late = [Message::info("late")];
    let error = store.add_error(&Limits::default(), &page, &late).await;
    assert!(error.is_session_closed(), "{error}");
    let error = store.migrate_error(&ada, &bob, true).await;
    assert!(error.is_session_closed(), "{error}");
    store.assert_visible(&page, &[]).await;
    store.advance(SHORT * 2).await;
    store.add(&page, Message::info("a new visitor")).await;
    store.assert_visible(&page, &["a new visitor"]).await;
}

pub(crate) async fn read_of_closed_session_finds_nothing(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let member = |page: &Context| (page.clone(), wire::encode(&Message::info("late")).unwrap());
    store.close(&ada, LEASE).await;
    store.migrate(&bob, &session("eve")).await;
    for name in ["ada", "bob"] {
        let (page, member) = member(&context(name, "settings"));
        store.put_member(&page, member).await;
        store.assert_visible(&page, &[]).await;
        assert!(store.claim(&page).await.messages().is_empty());
        let views = store.store().contexts(APP, page.session()).await;
        assert_eq!(views.unwrap(), []);
    }
}

pub(crate) async fn migrate_moves_messages_leases_and_schedules(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (old, new) = (context("ada", "settings"), context("bob", "settings"));
    store.add(&old, Message::info("leased")).await;
    let mut claim = store.claim(&old).await;
    let batch = [Message::info("here"), Message::info("later").after(SHORT)];
    store.add_all(&old, &batch).await;
    store.add(&context("ada", "*"), Message::info("any")).await;
    store.migrate(&ada, &bob).await;
    store.assert_visible(&old, &[]).await;
    store.assert_visible(&context("ada", "*"), &[]).await;
    store.assert_visible(&context("bob", "*"), &["any"]).await;
    store.assert_visible(&new, &["here"]).await;
    store.advance(SHORT * 2).await;
    store.assert_visible(&new, &["here", "later"]).await;
    claim.follow_session(&bob);
    store.release(&claim).await;
    store
        .assert_visible(&new, &["leased", "here", "later"])
        .await;
}

pub(crate) async fn add_after_migrate_returns_new_session(store: StoreUnderTest) {
    let (page, (ada, bob)) = (context("ada", "settings"), sessions());
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    store.migrate_with_limits(&limits, &ada, &bob).await;
    let outcome = store.add(&page, Message::info("late")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(bob));
    store.assert_visible(&page, &[]).await;
    store.advance(SHORT * 2).await;
    let outcome = store.add(&page, Message::info("new")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn migrate_to_second_target_is_rejected(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    store
        .add(&context("ada", "settings"), Message::info("once"))
        .await;
    store.migrate(&ada, &bob).await;
    store.migrate(&ada, &bob).await;
    let error = store.migrate_error(&ada, &eve, true).await;
    assert!(error.is_session_closed(), "{error}");
    store
        .assert_visible(&context("bob", "settings"), &["once"])
        .await;
}

pub(crate) async fn migrate_merges_into_existing_messages(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [ada_page, bob_page, eve_page] =
        ["ada", "bob", "eve"].map(|name| context(name, "settings"));
    let limited_to = |messages| Limits {
        max_messages: messages,
        ..Limits::default()
    };
    for n in 1..=2 {
        store
            .add(&ada_page, Message::info(format!("ada's {n}")))
            .await;
        store
            .add(&bob_page, Message::info(format!("bob's {n}")))
            .await;
    }
    store.migrate_with_limits(&limited_to(3), &ada, &bob).await;
    let result = store.peek(&bob_page).await;
    assert_eq!((result.messages.len(), result.displaced), (3, 1));
    store.add(&eve_page, Message::info("eve's")).await;
    store.migrate_with_limits(&limited_to(1), &bob, &eve).await;
    let result = store.peek(&eve_page).await;
    assert_eq!(
        (texts(&result.messages), result.displaced),
        (vec!["eve's"], 4)
    );
}

pub(crate) async fn repeated_migrate_undoes_nothing(store: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [ada_page, bob_page, eve_page] =
        ["ada", "bob", "eve"].map(|name| context(name, "settings"));
    store.add(&ada_page, Message::info("moved")).await;
    store.migrate(&ada, &bob).await;
    store.migrate(&bob, &eve).await;
    store.migrate(&ada, &bob).await;
    let outcome = store.add(&bob_page, Message::info("late")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(eve.clone()));
    store.assert_visible(&eve_page, &["moved"]).await;
    store.close(&eve, LEASE).await;
    store.migrate(&bob, &eve).await;
    let late = [Message::info("late")];
    let error = store.add_error(&Limits::default(), &eve_page, &late).await;
    assert!(error.is_session_closed(), "{error}");
}

pub(crate) async fn migrate_without_open_keeps_target_closed(store: StoreUnderTest) {
    let (page, (ada, bob)) = (context("ada", "settings"), sessions());
    store.add(&page, Message::info("stays")).await;
    store.close(&bob, LEASE).await;
    let error = store.migrate_error(&ada, &bob, false).await;
    assert!(error.is_session_closed(), "{error}");
    store.assert_visible(&page, &["stays"]).await;
    store.add(&page, Message::info("still open")).await;
}

pub(crate) async fn migrate_with_open_reopens_target(store: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (ada_page, bob_page) = (context("ada", "settings"), context("bob", "settings"));
    store.add(&ada_page, Message::info("there and back")).await;
    store.migrate(&ada, &bob).await;
    store.migrate(&bob, &ada).await;
    store.add(&ada_page, Message::info("new")).await;
    store
        .assert_visible(&ada_page, &["there and back", "new"])
        .await;
    store.close(&bob, LEASE).await;
    store.migrate(&ada, &bob).await;
    store
        .assert_visible(&bob_page, &["there and back", "new"])
        .await;
    let outcome = store.add(&bob_page, Message::info("open")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn logout_of_moved_session_keeps_redirect(store: StoreUnderTest) {
    let (page, (ada, bob)) = (context("ada", "settings"), sessions());
    store.migrate(&ada, &bob).await;
    store.close(&ada, LEASE).await;
    let outcome = store.add(&page, Message::info("follows")).await;
    assert_eq!(outcome, AddOutcome::SessionMoved(bob));
}

pub(crate) async fn migrate_keeps_message_limit(store: StoreUnderTest) {
    migrate_three_messages_with_limit_two(&store, &["ada"]).await;
}

pub(crate) async fn migrate_counts_common_messages_once(store: StoreUnderTest) {
    migrate_three_messages_with_limit_two(&store, &["ada", "bob"]).await;
}

/// Migrates the session `ada` to `bob`, after the same three messages were added to each of
/// `holders`.
async fn migrate_three_messages_with_limit_two(store: &StoreUnderTest, holders: &[&str]) {
    let (ada, bob) = sessions();
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    for name in holders {
        store.add_all(&context(name, "settings"), &batch).await;
    }
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    store.migrate_with_limits(&limits, &ada, &bob).await;
    let result = store.peek(&context("bob", "settings")).await;
    assert_eq!(texts(&result.messages), ["1", "2"]);
    assert_eq!(result.displaced, 1);
}

pub(crate) async fn migrate_to_same_session_changes_nothing(store: StoreUnderTest) {
    let (ada, _) = sessions();
    let page = context("ada", "settings");
    store.add(&page, Message::info("still here")).await;
    store.migrate(&ada, &ada).await;
    store.assert_visible(&page, &["still here"]).await;
    let outcome = store.add(&page, Message::info("open")).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
}
