//! Functions of a worker: what becomes of their events if they panic, or if no worker has them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use salver::jobs::{DeliveryState, Worker};
use salver::webhooks::DELIVERY_DEAD;
use salver::{Error, Salver};

use crate::inbox_tests;
use crate::support::eventually;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{order_paid, register, webhook_settings};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The id of the function for `order.paid`.
const ACTION: &str = "action.order.paid";

/// Returns a worker with a function, which counts its calls.
fn with_function(salver: &Salver, calls: &Arc<AtomicU64>) -> Worker {
    let calls = Arc::clone(calls);
    salver.worker().on("order.paid", move |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Error>(None) }
    })
}

/// Returns a worker without that function, which delivers webhooks.
fn without_function(salver: &Salver) -> Worker {
    let worker = salver.worker().webhooks();
    worker.on("other", |_| async { Ok::<_, Error>(None) })
}

/// Starts and stops a worker with the function. From then on the events wait for it.
async fn start_once(salver: &Salver, calls: &Arc<AtomicU64>) {
    let running = with_function(salver, calls).start().unwrap();
    eventually("the function is registered", async || {
        let endpoints = salver.endpoints().list().await.unwrap();
        endpoints.iter().any(|one| one.id == ACTION).then_some(())
    })
    .await;
    running.stop().await;
}

/// Returns how many reports about a dead delivery an endpoint was sent.
fn reports(receiver: &WebhookReceiver) -> usize {
    let requests = receiver.requests();
    let reports = requests.iter().filter(|one| one.path == "/reports");
    reports.filter(|one| one.body.contains(ACTION)).count()
}

inbox_tests! {
    (webhook_settings)

    async fn function_that_panics_is_dead_reported_and_replayed(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/reports", |endpoint| endpoint.types([DELIVERY_DEAD])).await;
        let (is_broken, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (broken, counter) = (Arc::clone(&is_broken), Arc::clone(&calls));
        let worker = salver.worker().webhooks().on("order.paid", move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            let broken = Arc::clone(&broken);
            async move {
                assert!(!broken.load(Ordering::Relaxed), "a function that panics");
                Ok::<_, Error>(None)
            }
        });
        salver.publish(order_paid("1")).await.unwrap();
        for _ in 0..5 {
            assert_eq!(reports(&receiver), 0);
            worker.drain().await.unwrap();
            inboxes.advance(DAY / 24);
        }
        let dead = salver.deliveries().list(DeliveryState::Dead, None).await.unwrap();
        assert_eq!(dead[0].attempts[4].error, "panicked");
        assert_eq!(reports(&receiver), 1);
        // Its event is kept for as long as it is listed.
        inboxes.advance(13 * DAY);
        is_broken.store(false, Ordering::Relaxed);
        let replayed = salver.deliveries().replay(ACTION, SystemTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(replayed, 1);
        worker.drain().await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        let dead = salver.deliveries().list(DeliveryState::Dead, None).await.unwrap();
        assert!(dead.iter().all(|one| one.channel != "action"), "{dead:?}");
    }

    async fn event_of_a_function_that_no_worker_has_is_dead_and_replayed(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let calls = Arc::default();
        register(salver, &receiver, "/reports", |endpoint| endpoint.types([DELIVERY_DEAD])).await;
        start_once(salver, &calls).await;
        salver.publish(order_paid("1")).await.unwrap();
        for days in [0, 4] {
            inboxes.advance(DAY * days);
            without_function(salver).drain().await.unwrap();
            let waiting = salver.deliveries().list(DeliveryState::Waiting, None).await.unwrap();
            assert!(waiting[0].attempts.is_empty());
        }
        inboxes.advance(2 * DAY);
        without_function(salver).drain().await.unwrap();
        let dead = salver.deliveries().list(DeliveryState::Dead, None).await.unwrap();
        assert_eq!(dead[0].attempts[0].error, "no worker has the function");
        assert_eq!(reports(&receiver), 1);
        inboxes.advance(13 * DAY);
        let replayed = salver.deliveries().replay(ACTION, SystemTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(replayed, 1);
        with_function(salver, &calls).drain().await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    async fn event_of_a_function_that_was_removed_is_cancelled(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        start_once(salver, &Arc::default()).await;
        salver.publish(order_paid("1")).await.unwrap();
        without_function(salver).drain().await.unwrap();
        assert!(salver.endpoints().remove(ACTION).await.unwrap());
        inboxes.advance(2 * DAY);
        without_function(salver).drain().await.unwrap();
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!((counts.due, counts.later, counts.dead), (0, 0, 0));
    }
}
