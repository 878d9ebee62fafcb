//! Login and logout: law 12.

use crate::store::conformance::store_under_test::{
    APP, LEASE, SHORT, StoreUnderTest, at, session, sessions, texts,
};
use crate::store::{AddOutcome, Limits};
use crate::{Context, Message, wire};

pub(crate) async fn a_closed_session_takes_nothing(subject: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    subject.add(&page, Message::info("gone")).await;
    subject.close(&ada, SHORT).await;
    let late = [Message::info("late")];
    let refused = subject.refuses(&Limits::default(), &page, &late).await;
    assert!(refused.is_closed(), "{refused}");
    let moved = subject.refuses_to_migrate(&ada, &bob, true).await;
    assert!(moved.is_closed(), "{moved}");
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    subject.add(&page, Message::info("a new visitor")).await;
    subject.shows(&page, &["a new visitor"]).await;
}

pub(crate) async fn nothing_is_found_in_a_closed_session(subject: StoreUnderTest) {
    let (ada, bob) = sessions();
    let member = |page: &Context| (page.clone(), wire::encode(&Message::info("late")).unwrap());
    subject.close(&ada, LEASE).await;
    subject.migrate(&bob, &session("eve")).await;
    for who in ["ada", "bob"] {
        let (page, member) = member(&at(who, "settings"));
        subject.put(&page, member).await;
        subject.shows(&page, &[]).await;
        assert!(subject.claim(&page).await.messages().is_empty());
        let views = subject.store().contexts(APP, page.session()).await;
        assert_eq!(views.unwrap(), []);
    }
}

pub(crate) async fn migrate_carries_messages_leases_and_schedules(subject: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (old, new) = (at("ada", "settings"), at("bob", "settings"));
    subject.add(&old, Message::info("leased")).await;
    let mut claim = subject.claim(&old).await;
    let batch = [Message::info("here"), Message::info("later").after(SHORT)];
    subject.add_all(&old, &batch).await;
    subject.add(&at("ada", "*"), Message::info("any")).await;
    subject.migrate(&ada, &bob).await;
    subject.shows(&old, &[]).await;
    subject.shows(&at("ada", "*"), &[]).await;
    subject.shows(&at("bob", "*"), &["any"]).await;
    subject.shows(&new, &["here"]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&new, &["here", "later"]).await;
    claim.follow_session(&bob);
    subject.release(&claim).await;
    subject.shows(&new, &["leased", "here", "later"]).await;
}

pub(crate) async fn migrate_says_where_the_session_went(subject: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    let limits = Limits {
        ttl: SHORT,
        ..Limits::default()
    };
    subject.migrate_within(&limits, &ada, &bob).await;
    let placed = subject.add(&page, Message::info("late")).await;
    assert_eq!(placed, AddOutcome::SessionMoved(bob));
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    let placed = subject.add(&page, Message::info("new")).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn migrate_may_be_repeated_but_not_redirected(subject: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    subject
        .add(&at("ada", "settings"), Message::info("once"))
        .await;
    subject.migrate(&ada, &bob).await;
    subject.migrate(&ada, &bob).await;
    let elsewhere = subject.refuses_to_migrate(&ada, &eve, true).await;
    assert!(elsewhere.is_closed(), "{elsewhere}");
    subject.shows(&at("bob", "settings"), &["once"]).await;
}

pub(crate) async fn migrate_merges_into_what_is_there(subject: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [adas, bobs, eves] = ["ada", "bob", "eve"].map(|name| at(name, "settings"));
    let at_most = |messages| Limits {
        max_messages: messages,
        ..Limits::default()
    };
    for n in 1..=2 {
        subject
            .add(&adas, Message::info(format!("ada's {n}")))
            .await;
        subject
            .add(&bobs, Message::info(format!("bob's {n}")))
            .await;
    }
    subject.migrate_within(&at_most(3), &ada, &bob).await;
    let found = subject.peek(&bobs).await;
    assert_eq!((found.messages.len(), found.displaced), (3, 1));
    subject.add(&eves, Message::info("eve's")).await;
    subject.migrate_within(&at_most(1), &bob, &eve).await;
    let found = subject.peek(&eves).await;
    assert_eq!(
        (texts(&found.messages), found.displaced),
        (vec!["eve's"], 4)
    );
}

pub(crate) async fn a_repeated_migrate_undoes_nothing(subject: StoreUnderTest) {
    let ((ada, bob), eve) = (sessions(), session("eve"));
    let [adas, bobs, eves] = ["ada", "bob", "eve"].map(|name| at(name, "settings"));
    subject.add(&adas, Message::info("carried")).await;
    subject.migrate(&ada, &bob).await;
    subject.migrate(&bob, &eve).await;
    subject.migrate(&ada, &bob).await;
    let placed = subject.add(&bobs, Message::info("late")).await;
    assert_eq!(placed, AddOutcome::SessionMoved(eve.clone()));
    subject.shows(&eves, &["carried"]).await;
    subject.close(&eve, LEASE).await;
    subject.migrate(&bob, &eve).await;
    let late = [Message::info("late")];
    let refused = subject.refuses(&Limits::default(), &eves, &late).await;
    assert!(refused.is_closed(), "{refused}");
}

pub(crate) async fn migrate_opens_nothing_unasked(subject: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    subject.add(&page, Message::info("stays")).await;
    subject.close(&bob, LEASE).await;
    let refused = subject.refuses_to_migrate(&ada, &bob, false).await;
    assert!(refused.is_closed(), "{refused}");
    subject.shows(&page, &["stays"]).await;
    subject.add(&page, Message::info("open still")).await;
}

pub(crate) async fn migrate_opens_the_session_that_it_leads_to(subject: StoreUnderTest) {
    let (ada, bob) = sessions();
    let (adas, bobs) = (at("ada", "settings"), at("bob", "settings"));
    subject.add(&adas, Message::info("there and back")).await;
    subject.migrate(&ada, &bob).await;
    subject.migrate(&bob, &ada).await;
    subject.add(&adas, Message::info("new")).await;
    subject.shows(&adas, &["there and back", "new"]).await;
    subject.close(&bob, LEASE).await;
    subject.migrate(&ada, &bob).await;
    subject.shows(&bobs, &["there and back", "new"]).await;
    let placed = subject.add(&bobs, Message::info("open")).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
}

pub(crate) async fn a_logout_of_a_moved_session_leaves_the_way(subject: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    subject.migrate(&ada, &bob).await;
    subject.close(&ada, LEASE).await;
    let placed = subject.add(&page, Message::info("follows")).await;
    assert_eq!(placed, AddOutcome::SessionMoved(bob));
}

pub(crate) async fn migrate_keeps_the_cap(subject: StoreUnderTest) {
    moves_three_where_two_fit(&subject, &["ada"]).await;
}

pub(crate) async fn migrate_counts_what_both_hold_once(subject: StoreUnderTest) {
    moves_three_where_two_fit(&subject, &["ada", "bob"]).await;
}

/// Moves Ada to Bob; the same three messages are with all of these before.
async fn moves_three_where_two_fit(subject: &StoreUnderTest, holders: &[&str]) {
    let (ada, bob) = sessions();
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    for who in holders {
        subject.add_all(&at(who, "settings"), &batch).await;
    }
    let limits = Limits {
        max_messages: 2,
        ..Limits::default()
    };
    subject.migrate_within(&limits, &ada, &bob).await;
    let found = subject.peek(&at("bob", "settings")).await;
    assert_eq!(texts(&found.messages), ["1", "2"]);
    assert_eq!(found.displaced, 1);
}

pub(crate) async fn migrate_to_itself_changes_nothing(subject: StoreUnderTest) {
    let (ada, _) = sessions();
    let page = at("ada", "settings");
    subject.add(&page, Message::info("still here")).await;
    subject.migrate(&ada, &ada).await;
    subject.shows(&page, &["still here"]).await;
    let placed = subject.add(&page, Message::info("open")).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
}
