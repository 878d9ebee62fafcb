//! Who is told: users and addresses, once each.

use salver::Recipient;
use salver::events::Subscribed;

use super::{EDIT_DOCUMENT, EDIT_IN_LANGUAGE, edited, german, profiles, told, user, worker};
use crate::seeds::on_each_store;

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
            assert_eq!(told(salver, &ada).await.len(), 1);
            assert!(salver.unsubscribe(&ada, &german()).await.unwrap());
            assert!(!salver.unsubscribe(&ada, &german()).await.unwrap());
            worker(salver).publish(edited(7, "de")).await.unwrap();
            assert_eq!(told(salver, &ada).await.len(), 1);
        },
    )
    .await;
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
        salver.remove_subject("documents/7").await.unwrap();
        let left = salver.subscriptions(&ada).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].get_subject(), Some("documents/8"));
        let worker = worker(salver).profiles(profiles);
        worker.publish(edited(7, "de")).await.unwrap();
        worker.publish(edited(8, "de")).await.unwrap();
        assert_eq!(told(salver, &ada).await.len(), 1);
        let of_seven = EDIT_DOCUMENT.subscription().subject("documents/7");
        let subscribers = salver.subscribers(&of_seven, None).await.unwrap();
        assert_eq!(subscribers, Vec::<Recipient>::new());
    })
    .await;
}
