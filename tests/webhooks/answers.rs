//! What becomes of a delivery by what the endpoint answers.

use std::time::{Duration, SystemTime};

use salver::Message;
use salver::events::{EventType, Subscription};
use salver::jobs::{Delivery, DeliveryState};
use salver::webhooks::{DELIVERY_DEAD, ENDPOINT_DISABLED, EndpointState};

use crate::inbox_tests;
use crate::support::inboxes::{Inboxes, ada};
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{deliver, order_paid, register, webhook_settings};

const HOUR: Duration = Duration::from_secs(60 * 60);
const ORDER_PAID: EventType = EventType::new("order.paid", &[]);

async fn listed(inboxes: &Inboxes, state: DeliveryState) -> Vec<Delivery> {
    inboxes.salver.deliveries().list(state, None).await.unwrap()
}

/// Returns the reason of the last failure of the only delivery in a state, and the time until its next attempt in seconds.
async fn only(inboxes: &Inboxes, state: DeliveryState) -> (String, u64) {
    let [delivery] = &listed(inboxes, state).await[..] else {
        panic!("not one delivery");
    };
    let attempt = delivery.attempts.last().unwrap();
    let wait = delivery.time.saturating_sub(attempt.at) / 1_000;
    (attempt.error.clone(), wait)
}

inbox_tests! {
    (webhook_settings)

    async fn delivery_is_repeated_until_it_succeeds(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        receiver.set_replies("/hook", &[Reply::status(500), Reply::reset(), Reply::status(202)]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        assert_eq!(only(&inboxes, DeliveryState::Waiting).await.0, "HTTP 500");
        inboxes.advance(Duration::from_secs(7));
        deliver(salver).await;
        let (reason, _) = only(&inboxes, DeliveryState::Waiting).await;
        assert_eq!(reason, "the connection ended without a response");
        inboxes.advance(Duration::from_secs(40));
        deliver(salver).await;
        assert!(listed(&inboxes, DeliveryState::Waiting).await.is_empty());
        let ids: Vec<_> = receiver.deliveries().into_iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.iter().all(|id| *id == ids[0]));
    }

    async fn redirect_is_not_followed(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let redirect = Reply::status(307).with_header("Location", receiver.url("/other"));
        receiver.set_replies("/hook", &[redirect]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let (reason, _) = only(&inboxes, DeliveryState::Waiting).await;
        assert_eq!(reason, "HTTP 307: redirects are not followed");
        assert_eq!(receiver.requests().len(), 1);
    }

    async fn endpoint_that_asks_to_wait_is_obeyed(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        for (value, expected) in [("100", 99..=100),("1", 4..=6), ("200000", 86_399..=86_400)] {
            let reply = Reply::status(429).with_header("Retry-After", value);
            receiver.set_replies("/hook", &[reply]);
            salver.publish(order_paid(value)).await.unwrap();
            deliver(salver).await;
            let (reason, wait) = only(&inboxes, DeliveryState::Waiting).await;
            assert_eq!(reason, "HTTP 429");
            assert!(expected.contains(&wait), "{value}: {wait}");
            let id = listed(&inboxes, DeliveryState::Waiting).await.remove(0).id;
            salver.deliveries().cancel(&id).await.unwrap();
        }
    }

    async fn answer_without_an_end_is_read_to_its_limit(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.results(["done"])).await;
        receiver.set_replies("/hook", &[Reply::endless()]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        assert!(listed(&inboxes, DeliveryState::Waiting).await.is_empty());
        // Its result is lost: an operator sees why, and can deliver it again.
        let (reason, _) = only(&inboxes, DeliveryState::Dead).await;
        assert_eq!(reason, "the response has more than 65536 bytes");
        assert_eq!(receiver.deliveries().len(), 1);
    }

    async fn body_of_an_answer_is_not_awaited_without_results(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let unfinished = Reply::status(200).with_body("x".repeat(100)).unfinished();
        receiver.set_replies("/hook", &[unfinished]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!((counts.due, counts.later, counts.dead), (0, 0, 0));
        assert_eq!(receiver.deliveries().len(), 1);
    }

    async fn endpoint_that_is_gone_is_disabled(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        register(salver, &receiver, "/reports", |endpoint| endpoint.types([ENDPOINT_DISABLED])).await;
        receiver.set_replies("/hook", &[Reply::status(410)]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let (reason, _) = only(&inboxes, DeliveryState::Dead).await;
        assert_eq!(reason, "HTTP 410: the endpoint is gone");
        let endpoints = salver.endpoints().list().await.unwrap();
        let gone = endpoints.iter().find(|endpoint| endpoint.id == id).unwrap();
        assert_eq!(gone.state, EndpointState::Disabled);
        let deliveries = receiver.deliveries();
        let report = deliveries.iter().find(|one| one.path == "/reports").unwrap();
        assert!(report.body.contains(&id) && report.body.contains("410"), "{}", report.body);
    }

    /// An operator enables the endpoint and replays, but it was not repaired.
    async fn endpoint_that_is_gone_again_is_reported_again(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        let reports = [ENDPOINT_DISABLED, DELIVERY_DEAD];
        register(salver, &receiver, "/reports", |endpoint| endpoint.types(reports)).await;
        receiver.set_replies("/hook", &[Reply::status(410)]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let count = || receiver.deliveries().iter().filter(|one| one.path == "/reports").count();
        assert_eq!(count(), 2);
        salver.endpoints().enable(&id).await.unwrap();
        salver.deliveries().replay(&id, SystemTime::UNIX_EPOCH).await.unwrap();
        deliver(salver).await;
        assert_eq!(count(), 4);
    }

    async fn delivery_that_always_fails_is_dead_and_reported(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint.types(["order.paid"])).await;
        receiver.set_replies("/hook", &[Reply::status(500)]);
        salver.publish(order_paid("1")).await.unwrap();
        for hours in [0, 1, 1, 1, 1, 2, 8, 30, 60] {
            inboxes.advance(HOUR * hours);
            deliver(salver).await;
        }
        // After the clock was moved the receiver takes the signature for an old one, and answers 401.
        let (reason, _) = only(&inboxes, DeliveryState::Dead).await;
        assert_eq!(reason, "HTTP 401");
        assert_eq!(receiver.requests().len(), 9);
        let feed = register(salver, &receiver, "/reports", |endpoint| endpoint.types([DELIVERY_DEAD])).await;
        // It was published before the endpoint was registered, and is known: another one is dead now.
        salver.publish(order_paid("2")).await.unwrap();
        salver.worker().events().drain().await.unwrap();
        salver.endpoints().disable(&id).await.unwrap();
        deliver(salver).await;
        let requests = receiver.requests();
        let reports: Vec<_> = requests.iter().filter(|one| one.path == "/reports").collect();
        assert_eq!(reports.len(), 1);
        assert!(reports[0].body.contains(r#""id":"2""#), "{}", reports[0].body);
        // The report itself fails too. That is not reported.
        for hours in [1, 1, 1, 1, 2, 8, 30, 60] {
            inboxes.advance(HOUR * hours);
            deliver(salver).await;
        }
        assert_eq!(receiver.requests().iter().filter(|one| one.path == "/reports").count(), 9);
        assert_eq!(listed(&inboxes, DeliveryState::Dead).await.len(), 3);
        assert_eq!(salver.deliveries().replay(&feed, SystemTime::UNIX_EPOCH).await.unwrap(), 1);
    }

    /// The delivery is dead before the event was fanned out to all.
    async fn event_of_a_dead_delivery_is_kept_for_its_replay(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        receiver.set_replies("/hook", &[Reply::status(410)]);
        salver.subscribe(&ada(), Subscription::new("order.paid")).await.unwrap();
        let drain = async |fails: bool| {
            let worker = salver.worker().webhooks().render(&ORDER_PAID, move |_, _| async move {
                match fails {
                    true => Err("not now".into()),
                    false => Ok(Message::info("Paid.")),
                }
            });
            worker.drain().await.unwrap();
        };
        salver.publish(order_paid("1")).await.unwrap();
        drain(true).await;
        assert_eq!(listed(&inboxes, DeliveryState::Dead).await.len(), 1);
        inboxes.advance(Duration::from_secs(7));
        drain(false).await;
        assert_eq!(inboxes.counts().await.2, 1);
        // Longer than an event is known without a delivery that has failed.
        inboxes.advance(8 * 24 * HOUR);
        salver.endpoints().enable(&id).await.unwrap();
        assert_eq!(salver.deliveries().replay(&id, SystemTime::UNIX_EPOCH).await.unwrap(), 1);
        drain(false).await;
        assert_eq!(receiver.requests().len(), 2);
    }

    async fn endpoint_that_fails_for_five_days_is_disabled(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        receiver.set_replies("/hook", &[Reply::status(500)]);
        let state = async || salver.endpoints().list().await.unwrap().remove(0).state;
        for day in 0..6 {
            assert_eq!(state().await, EndpointState::Enabled, "{day}");
            salver.publish(order_paid(&day.to_string())).await.unwrap();
            deliver(salver).await;
            inboxes.advance(HOUR * 24);
        }
        assert_eq!(state().await, EndpointState::Disabled);
        let listed = salver.endpoints().list().await.unwrap().remove(0);
        assert_eq!(listed.reason.as_deref(), Some("all deliveries have failed for 5 days"));
        // Enabled again, it has another five days.
        assert!(salver.endpoints().enable(&id).await.unwrap());
        salver.publish(order_paid("again")).await.unwrap();
        deliver(salver).await;
        assert_eq!(state().await, EndpointState::Enabled);
    }
}

#[tokio::test]
async fn endpoint_that_does_not_answer_takes_the_timeout_of_an_attempt() {
    let inboxes = Inboxes::memory_with(webhook_settings);
    let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
    register(salver, &receiver, "/hook", |endpoint| endpoint).await;
    receiver.set_replies("/hook", &[Reply::silence()]);
    salver.publish(order_paid("1")).await.unwrap();
    let worker = salver.worker().attempt_timeout(Duration::from_secs(1));
    worker.webhooks().drain().await.unwrap();
    let (reason, _) = only(&inboxes, DeliveryState::Waiting).await;
    assert_eq!(reason, "took too long");
}
