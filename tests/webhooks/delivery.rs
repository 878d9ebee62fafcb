//! Events are delivered to the endpoints that are registered for them, signed.

use std::time::Duration;

use serde_json::{Value, json};

use salver::events::{Event, EventType, Subscription};
use salver::{Message, Recipient};

use crate::inbox_tests;
use crate::support::inboxes::Inboxes;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{arrived, body, deliver, order_paid, register, webhook_settings};

const ORDER_PAID: EventType = EventType::new("order.paid", &[]);

fn paths(receiver: &WebhookReceiver) -> Vec<String> {
    let deliveries = receiver.deliveries().into_iter();
    let mut paths: Vec<_> = deliveries.map(|one| one.path).collect();
    paths.sort();
    paths
}

inbox_tests! {
    (webhook_settings)

    async fn event_is_delivered_as_a_signed_cloud_event(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let event = order_paid("1").subject("orders/7").filter("currency", "eur");
        salver.publish(event).await.unwrap();
        deliver(salver).await;
        let [delivery] = &receiver.deliveries()[..] else {
            panic!("{:?}", receiver.requests());
        };
        let mut body: Value = serde_json::from_str(&delivery.body).unwrap();
        assert!(body.as_object_mut().unwrap().remove("time").is_some());
        let expected = json!({
            "specversion": "1.0",
            "id": "1",
            "source": "/shop",
            "type": "order.paid",
            "subject": "orders/7",
            "currency": "eur",
            "datacontenttype": "application/json",
            "data": 7,
        });
        assert_eq!(body, expected);
        let content_type = &delivery.headers["content-type"];
        assert_eq!(content_type, "application/cloudevents+json");
        assert_eq!(delivery.id.as_ref().map(String::len), Some(22));
        deliver(salver).await;
        assert_eq!(receiver.requests().len(), 1);
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!((counts.due, counts.later, counts.dead), (0, 0, 0));
    }

    /// The stored form has it without a fraction, as an integer.
    async fn event_with_a_large_double_is_delivered(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let event = order_paid("1").data(json!({ "nanoseconds": 1.7e18 }));
        salver.publish(event.clone()).await.unwrap();
        deliver(salver).await;
        salver.publish(event).await.unwrap();
        let bodies = body(&receiver, "/hook");
        assert_eq!(bodies.len(), 1);
        assert_eq!(bodies[0]["data"]["nanoseconds"].as_f64(), Some(1.7e18));
    }

    async fn endpoint_gets_its_types_and_its_subject(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/all", |endpoint| endpoint).await;
        register(salver, &receiver, "/paid", |endpoint| endpoint.types(["order.paid", "order.sent"])).await;
        register(salver, &receiver, "/seven", |endpoint| endpoint.subject("orders/7")).await;
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        assert_eq!(paths(&receiver), ["/all", "/paid"]);
        salver.publish(Event::new("order.lost").subject("orders/7")).await.unwrap();
        salver.publish(Event::new("order.lost").subject("orders/8")).await.unwrap();
        deliver(salver).await;
        assert_eq!(paths(&receiver), ["/all", "/all", "/all", "/paid", "/seven"]);
        let union = Event::new("parcel.sent").also(Event::new("order.sent"));
        salver.publish(union).await.unwrap();
        deliver(salver).await;
        assert_eq!(paths(&receiver), ["/all", "/all", "/all", "/all", "/paid", "/paid", "/seven"]);
    }

    async fn endpoint_and_subscriber_are_notified_of_one_event(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let ada = Recipient::user("ada");
        salver.subscribe(&ada, Subscription::new("order.paid")).await.unwrap();
        salver.publish(order_paid("1").message(Message::info("Paid."))).await.unwrap();
        // A worker that has no webhooks itself hands them to the others.
        salver.worker().events().drain().await.unwrap();
        assert_eq!(salver.inbox(&ada).counts().await.unwrap().total, 1);
        assert!(receiver.requests().is_empty());
        deliver(salver).await;
        assert_eq!(receiver.deliveries().len(), 1);
    }

    async fn removed_endpoint_gets_nothing(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        salver.publish(order_paid("1")).await.unwrap();
        salver.worker().events().drain().await.unwrap();
        assert!(salver.endpoints().remove(&id).await.unwrap());
        assert!(!salver.endpoints().remove(&id).await.unwrap());
        salver.publish(order_paid("2")).await.unwrap();
        deliver(salver).await;
        assert!(receiver.requests().is_empty());
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, 0);
    }

    async fn many_events_arrive_each_once(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.rate(60_000)).await;
        for number in 0..200 {
            salver.publish(order_paid(&number.to_string())).await.unwrap();
        }
        let running = salver.worker().webhooks().start().unwrap();
        let deliveries = arrived(&inboxes, &receiver, 200).await;
        running.stop().await;
        let ids: std::collections::BTreeSet<_> = deliveries.iter().map(|one| &one.id).collect();
        assert_eq!((ids.len(), receiver.requests().len()), (200, 200));
    }
}

/// A fan-out that never ends its attempt, an hour after it has handed the delivery to others.
#[tokio::test]
async fn event_whose_fan_out_takes_too_long_is_delivered_once() {
    let inboxes = Inboxes::redis_with_running_clock(webhook_settings, &[]);
    let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
    register(salver, &receiver, "/hook", |endpoint| endpoint).await;
    let ada = Recipient::user("ada");
    salver
        .subscribe(&ada, ORDER_PAID.subscription())
        .await
        .unwrap();
    salver.publish(order_paid("1")).await.unwrap();
    for _ in 0..2 {
        let worker = salver.worker().webhooks().render(&ORDER_PAID, |_, _| {
            std::future::pending::<Result<Message, _>>()
        });
        let worker = worker.attempt_timeout(Duration::from_millis(500));
        worker.drain().await.unwrap();
        assert_eq!(receiver.requests().len(), 1);
        let server = inboxes.server.as_ref().unwrap();
        let forget = "for _, key in ipairs(redis.call('KEYS', 'app!done.webhook:*')) do redis.call('DEL', key) end";
        server.run::<()>(&[b"EVAL", forget.as_bytes(), b"0"]);
        inboxes.advance(Duration::from_secs(2 * 60 * 60));
    }
}

#[tokio::test]
async fn event_that_waits_for_a_renderer_is_delivered_once() {
    let inboxes = Inboxes::redis_with_running_clock(webhook_settings, &[]);
    let (salver, receiver) = (
        &inboxes.salver,
        WebhookReceiver::start_at(inboxes.clock_file()),
    );
    register(salver, &receiver, "/hook", |endpoint| endpoint).await;
    let subscription = Subscription::new("order.paid");
    let ada = Recipient::user("ada");
    salver.subscribe(&ada, subscription).await.unwrap();
    salver.publish(order_paid("1")).await.unwrap();
    for first in [true, false, false] {
        deliver(salver).await;
        assert_eq!(receiver.requests().len(), 1);
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!(counts.due + counts.later, 1);
        // What is done is forgotten after an hour.
        let server = inboxes.server.as_ref().unwrap();
        let forget = "return redis.call('DEL', redis.call('KEYS', 'app!done.webhook:*')[1])";
        if first {
            assert_eq!(server.run::<usize>(&[b"EVAL", forget.as_bytes(), b"0"]), 1);
        }
        inboxes.advance(Duration::from_secs(11));
    }
}
