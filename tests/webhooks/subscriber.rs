//! The program of examples/broker, which users copy: it consents, verifies, and answers with an event.

use salver::events::Event;
use salver::webhooks::Endpoint;
use serde_json::{Value, json};

use crate::inbox_tests;
use crate::support::subscriber::Subscriber;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, register, webhook_settings};

inbox_tests! {
    (webhook_settings)

    async fn python_subscriber_answers_with_an_event(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let mut subscriber = Subscriber::start().await;
        let endpoint = Endpoint::new(&subscriber.url).types(["counter.increment"]).results(["counter.changed"]);
        let (_, secret) = salver.endpoints().add(endpoint.handshake()).await.unwrap();
        subscriber.save_secret(&secret);
        register(salver, &receiver, "/changed", |endpoint| endpoint.types(["counter.changed"])).await;
        for by in [2, 3] {
            let event = Event::new("counter.increment").data(json!({ "by": by }));
            salver.publish(event).await.unwrap();
            deliver(salver).await;
        }
        let deliveries = receiver.deliveries();
        let data = deliveries.iter().map(|one| {
            let mut event: Value = serde_json::from_str(&one.body).unwrap();
            event["data"].take()
        });
        assert_eq!(data.collect::<Vec<_>>(), [json!({"value": 2}), json!({"value": 5})]);

        // A stranger does not count.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let forged = client
            .post(&subscriber.url)
            .header("webhook-id", "1")
            .header("webhook-timestamp", "1")
            .header("webhook-signature", "v1,AAAA")
            .json(&json!({"type": "counter.increment", "data": {"by": 1}}));
        assert_eq!(forged.send().await.unwrap().status(), 401);
        assert_eq!(subscriber.events(2), [r#"counter.increment {"by": 2}"#, r#"counter.increment {"by": 3}"#]);
    }
}
