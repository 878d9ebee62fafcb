//! Who is notified: users and addresses, once each.

use std::time::Duration;

use salver::events::Subscribed;
use salver::mail::Letter;
use salver::store::{Clock, MemoryStore};
use salver::{Recipient, Salver};

use super::{
    EDIT_DOCUMENT, EDIT_IN_LANGUAGE, edited, german, mails, notified, profiles, reader, subscribe,
    user, worker,
};
use crate::seeds::on_each_store;
use crate::support::inboxes::Inboxes;

#[actix_web::test]
async fn t13_subscriptions_are_found_by_exact_filters() {
    on_each_store(
        "t13_subscriptions_are_found_by_exact_filters",
        async |inboxes| {
            let (salver, ada) = (&inboxes.salver, user("ada"));
            // At the same time: one is there.
            let subscribing = (0..16).map(|_| salver.subscribe(&ada, german()));
            for subscribed in futures_util::future::join_all(subscribing).await {
                assert_eq!(subscribed.unwrap(), Subscribed::Active);
            }
            assert_eq!(salver.subscriptions(&ada).await.unwrap(), [german()]);
            assert!(salver.is_subscribed(&ada, &german()).await.unwrap());
            let all = EDIT_IN_LANGUAGE.subscription();
            assert!(!salver.is_subscribed(&ada, &all).await.unwrap());
            assert!(!salver.unsubscribe(&ada, &all).await.unwrap());
            worker(salver).publish(edited(7, "de")).await.unwrap();
            assert_eq!(notified(salver, &ada).await.len(), 1);
            assert!(salver.unsubscribe(&ada, &german()).await.unwrap());
            assert!(!salver.unsubscribe(&ada, &german()).await.unwrap());
            worker(salver).publish(edited(7, "de")).await.unwrap();
            assert_eq!(notified(salver, &ada).await.len(), 1);
        },
    )
    .await;
}

/// The page of a site lists them in one order, also those that were made by one request.
#[actix_web::test]
async fn subscriptions_of_one_moment_have_one_order() {
    let salver = Salver::new("wiki", MemoryStore::with_clock(Clock::manual())).unwrap();
    let languages = ["ja", "de", "fr", "en", "pl", "cs", "it", "es"];
    for language in languages {
        let edits = EDIT_IN_LANGUAGE.subscription().filter("language", language);
        salver.subscribe(&user("ada"), edits).await.unwrap();
    }
    let watched = salver.subscriptions(&user("ada")).await.unwrap();
    let listed = watched.iter().filter_map(|one| one.get_filter("language"));
    let mut expected = languages;
    expected.sort_unstable();
    assert_eq!(listed.collect::<Vec<_>>(), expected);
}

#[actix_web::test]
async fn t20_deleted_object_has_no_subscriptions() {
    on_each_store("t20_deleted_object_has_no_subscriptions", async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        for document in [7, 8] {
            let watch = EDIT_DOCUMENT.subscription();
            let watch = watch.subject(format!("documents/{document}"));
            salver.subscribe(&ada, watch).await.unwrap();
        }
        // The other one to the object stays, until the object is deleted.
        let german = german().subject("documents/7");
        salver.subscribe(&ada, german.clone()).await.unwrap();
        let english = EDIT_IN_LANGUAGE.subscription().filter("language", "en");
        let english = english.subject("documents/7");
        salver.subscribe(&ada, english.clone()).await.unwrap();
        salver.unsubscribe(&ada, &english).await.unwrap();
        assert!(salver.is_subscribed(&ada, &german).await.unwrap());
        salver.remove_subject("documents/7").await.unwrap();
        let left = salver.subscriptions(&ada).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].get_subject(), Some("documents/8"));
        let worker = worker(salver).profiles(profiles);
        worker.publish(edited(7, "de")).await.unwrap();
        worker.publish(edited(8, "de")).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        let of_seven = EDIT_DOCUMENT.subscription().subject("documents/7");
        let subscribers = salver.subscribers(&of_seven, None).await.unwrap();
        assert_eq!(subscribers, Vec::<Recipient>::new());
    })
    .await;
}

#[actix_web::test]
async fn t08_user_and_address_of_one_person_are_one_notification_to_the_user() {
    let name = "t08_user_and_address_of_one_person_are_one_notification_to_the_user";
    on_each_store(name, async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        salver.subscribe(&ada, german()).await.unwrap();
        for name in ["ada", "eve"] {
            subscribe(salver, &reader(name)).await;
        }
        let worker = worker(salver).profiles(profiles);
        worker.publish(edited(7, "de")).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        let mailed = mails(salver).await;
        let to: Vec<_> = mailed.iter().map(|letter| letter.to.as_str()).collect();
        assert_eq!(to, ["eve@example.org"]);
        // Without a subscription of the user the address counts.
        salver.unsubscribe(&ada, &german()).await.unwrap();
        worker.publish(edited(8, "de")).await.unwrap();
        assert_eq!(mails(salver).await.len(), 2);
        assert_eq!(notified(salver, &ada).await.len(), 1);
    })
    .await;
}

#[actix_web::test]
async fn t12_excluded_people_are_not_notified_under_any_address() {
    let name = "t12_excluded_people_are_not_notified_under_any_address";
    on_each_store(name, async |inboxes| {
        let (salver, ada, bob, eve) = (&inboxes.salver, user("ada"), user("bob"), user("eve"));
        for person in [&bob, &eve] {
            salver.subscribe(person, german()).await.unwrap();
        }
        for name in ["ada", "mia"] {
            subscribe(salver, &reader(name)).await;
        }
        // Ada by her id, Bob by his address.
        let event = edited(7, "de").except([ada, reader("bob")]);
        let worker = worker(salver).profiles(profiles);
        worker.publish(event).await.unwrap();
        assert!(notified(salver, &bob).await.is_empty());
        assert_eq!(notified(salver, &eve).await.len(), 1);
        let mailed = mails(salver).await;
        let to: Vec<_> = mailed.iter().map(|letter| letter.to.as_str()).collect();
        assert_eq!(to, ["mia@example.org"]);
    })
    .await;
}

#[actix_web::test]
async fn event_that_waits_is_for_the_recipient_that_takes_over() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    for inboxes in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        let (salver, ada, bob) = (&inboxes.salver, user("ada"), user("bob"));
        salver.subscribe(&bob, german()).await.unwrap();
        inboxes.advance(HOUR);
        salver.publish(edited(7, "de")).await.unwrap();
        inboxes.advance(3 * HOUR);
        salver.merge(&bob, &ada).await.unwrap();
        worker(salver).drain().await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        assert!(notified(salver, &bob).await.is_empty());
    }
}

#[actix_web::test]
async fn t18_subscriptions_of_an_address_become_those_of_a_user() {
    let name = "t18_subscriptions_of_an_address_become_those_of_a_user";
    on_each_store(name, async |inboxes| {
        let (salver, ada, address) = (&inboxes.salver, user("ada"), reader("ada"));
        subscribe(salver, &address).await;
        // One that awaits its activation does not become the user's.
        let document = EDIT_DOCUMENT.subscription().subject("documents/9");
        salver.subscribe(&address, document).await.unwrap();
        for _ in 0..2 {
            salver.merge(&address, &ada).await.unwrap();
            assert_eq!(salver.subscriptions(&ada).await.unwrap(), [german()]);
            assert!(salver.subscriptions(&address).await.unwrap().is_empty());
        }
        // One that the user has stays as it is.
        let bob = user("bob");
        let described = german().described("all in German");
        salver.subscribe(&bob, described).await.unwrap();
        salver.merge(&bob, &ada).await.unwrap();
        assert_eq!(salver.subscriptions(&ada).await.unwrap(), [german()]);
        let worker = worker(salver).profiles(profiles);
        worker.publish(edited(7, "de")).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        let about = |letter: &Letter| letter.activation_url.is_none();
        assert_eq!(
            mails(salver)
                .await
                .iter()
                .filter(|letter| about(letter))
                .count(),
            0
        );
    })
    .await;
}
