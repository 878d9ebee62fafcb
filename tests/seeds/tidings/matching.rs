//! Which subscriptions an event matches.

use super::{
    EDIT_DOCUMENT, EDIT_IN_LANGUAGE, POST_IN_FORUM, POST_IN_THREAD, edited, notified, user, worker,
};
use crate::seeds::on_each_store;

#[actix_web::test]
async fn t01_event_notifies_all_subscribers_of_its_type() {
    on_each_store(
        "t01_event_notifies_all_subscribers_of_its_type",
        async |inboxes| {
            let salver = &inboxes.salver;
            let people = ["ada", "bob", "eve"].map(user);
            for person in &people {
                let all = EDIT_IN_LANGUAGE.subscription();
                salver.subscribe(person, all).await.unwrap();
            }
            worker(salver).publish(edited(7, "de")).await.unwrap();
            for person in &people {
                assert_eq!(
                    notified(salver, person).await,
                    ["wiki.edit.document: Document 7 (1)"]
                );
            }
            let other = user("mallory");
            assert!(notified(salver, &other).await.is_empty());
        },
    )
    .await;
}

#[actix_web::test]
async fn t03_subscription_is_narrowed_by_a_filter() {
    on_each_store(
        "t03_subscription_is_narrowed_by_a_filter",
        async |inboxes| {
            let salver = &inboxes.salver;
            for (person, language) in [("ada", "de"), ("bob", "en")] {
                let edits = EDIT_IN_LANGUAGE.subscription().filter("language", language);
                salver.subscribe(&user(person), edits).await.unwrap();
            }
            worker(salver).publish(edited(7, "de")).await.unwrap();
            assert_eq!(notified(salver, &user("ada")).await.len(), 1);
            assert!(notified(salver, &user("bob")).await.is_empty());
        },
    )
    .await;
}

#[actix_web::test]
async fn t04_omitted_filter_matches_every_value() {
    on_each_store("t04_omitted_filter_matches_every_value", async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        let all = EDIT_IN_LANGUAGE.subscription();
        salver.subscribe(&ada, all).await.unwrap();
        let worker = worker(salver);
        for language in ["de", "en", "ja"] {
            worker.publish(edited(7, language)).await.unwrap();
        }
        assert_eq!(notified(salver, &ada).await.len(), 3);
        // An event without a value of a filter matches those who did not name it.
        let without = EDIT_IN_LANGUAGE.event().data("Document 8");
        worker.publish(without).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 4);
    })
    .await;
}

#[actix_web::test]
async fn t05_unknown_filter_name_is_refused() {
    on_each_store("t05_unknown_filter_name_is_refused", async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        let unknown = EDIT_IN_LANGUAGE.subscription().filter("locale", "de");
        let refused = [
            salver.subscribe(&ada, unknown.clone()).await.map(drop),
            salver.unsubscribe(&ada, &unknown).await.map(drop),
            salver.is_subscribed(&ada, &unknown).await.map(drop),
            salver
                .publish(EDIT_IN_LANGUAGE.event().filter("locale", "de"))
                .await,
        ];
        for result in refused {
            let error = result.unwrap_err();
            assert!(error.is_invalid(), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("is not declared by the event type"),
                "{error}"
            );
        }
    })
    .await;
}

#[actix_web::test]
async fn t06_one_object_is_watched() {
    on_each_store("t06_one_object_is_watched", async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        let document = EDIT_DOCUMENT.subscription().subject("documents/7");
        salver.subscribe(&ada, document).await.unwrap();
        let worker = worker(salver);
        worker.publish(edited(7, "de")).await.unwrap();
        worker.publish(edited(8, "de")).await.unwrap();
        // Another type with the same subject.
        let thread = POST_IN_THREAD.event().subject("documents/7").data("Thread");
        worker.publish(thread).await.unwrap();
        assert_eq!(
            notified(salver, &ada).await,
            ["wiki.edit.document: Document 7 (1)"]
        );
    })
    .await;
}

#[actix_web::test]
async fn t07_wildcard_and_specific_subscription_are_one_notification() {
    let name = "t07_wildcard_and_specific_subscription_are_one_notification";
    on_each_store(name, async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        for edits in [
            EDIT_IN_LANGUAGE.subscription(),
            EDIT_IN_LANGUAGE.subscription().filter("language", "de"),
        ] {
            salver.subscribe(&ada, edits).await.unwrap();
        }
        worker(salver).publish(edited(7, "de")).await.unwrap();
        assert_eq!(
            notified(salver, &ada).await,
            ["wiki.edit.document: Document 7 (2)"]
        );
    })
    .await;
}

#[actix_web::test]
async fn t09_union_of_events_is_one_notification_of_the_first() {
    let name = "t09_union_of_events_is_one_notification_of_the_first";
    on_each_store(name, async |inboxes| {
        let (salver, ada, bob) = (&inboxes.salver, user("ada"), user("bob"));
        let document = EDIT_DOCUMENT.subscription().subject("documents/7");
        let german = EDIT_IN_LANGUAGE.subscription().filter("language", "de");
        salver.subscribe(&ada, document).await.unwrap();
        salver.subscribe(&ada, german.clone()).await.unwrap();
        salver.subscribe(&bob, german).await.unwrap();
        worker(salver).publish(edited(7, "de")).await.unwrap();
        assert_eq!(
            notified(salver, &ada).await,
            ["wiki.edit.document: Document 7 (2)"]
        );
        assert_eq!(
            notified(salver, &bob).await,
            ["wiki.edit.document: Document 7 (1)"]
        );
    })
    .await;
}

#[actix_web::test]
async fn t10_post_reaches_watchers_of_thread_and_forum_once() {
    let name = "t10_post_reaches_watchers_of_thread_and_forum_once";
    on_each_store(name, async |inboxes| {
        let (salver, ada, bob) = (&inboxes.salver, user("ada"), user("bob"));
        let thread = POST_IN_THREAD.subscription().subject("threads/3");
        let forum = POST_IN_FORUM.subscription().subject("forums/1");
        salver.subscribe(&ada, thread).await.unwrap();
        salver.subscribe(&ada, forum.clone()).await.unwrap();
        salver.subscribe(&bob, forum).await.unwrap();
        let posted = |thread| {
            let event = POST_IN_THREAD.event().subject(format!("threads/{thread}"));
            event
                .also(POST_IN_FORUM.event().subject("forums/1"))
                .data("Ports")
        };
        let worker = worker(salver);
        worker.publish(posted(3)).await.unwrap();
        worker.publish(posted(4)).await.unwrap();
        let one = "forum.post.thread: Ports (1)";
        assert_eq!(
            notified(salver, &ada).await,
            [one, "forum.post.thread: Ports (2)"]
        );
        assert_eq!(notified(salver, &bob).await, [one, one]);
    })
    .await;
}

#[actix_web::test]
async fn t11_renderer_gets_all_subscriptions_that_matched() {
    let name = "t11_renderer_gets_all_subscriptions_that_matched";
    on_each_store(name, async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        let all = EDIT_IN_LANGUAGE.subscription().described("all edits");
        let german = EDIT_IN_LANGUAGE.subscription().filter("language", "de");
        let german = german.described("edits in German");
        let english = EDIT_IN_LANGUAGE.subscription().filter("language", "en");
        for edits in [all, german, english] {
            salver.subscribe(&ada, edits).await.unwrap();
        }
        let worker = salver
            .worker()
            .render(&EDIT_DOCUMENT, |_, matched| async move {
                let because = matched.subscriptions().iter();
                let mut because: Vec<_> = because.filter_map(|one| one.get_description()).collect();
                because.sort_unstable();
                let text = format!("{}: {}", matched.recipient(), because.join(", "));
                Ok(salver::Message::info(text))
            });
        worker.publish(edited(7, "de")).await.unwrap();
        assert_eq!(
            notified(salver, &ada).await,
            ["user:ada: all edits, edits in German"]
        );
    })
    .await;
}
