//! An endpoint gets a few deliveries at the same time, and so many a minute.

use std::time::Duration;

use salver::jobs::DeliveryState;
use salver::webhooks::MAX_IN_FLIGHT;

use crate::inbox_tests;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{arrived, deliver, order_paid, register, webhook_settings};

inbox_tests! {
    (webhook_settings)

    async fn four_deliveries_are_in_flight_over_all_processes(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.rate(60_000)).await;
        receiver.set_replies("/hook", &[Reply::status(200).after(Duration::from_millis(100))]);
        for number in 0..40 {
            salver.publish(order_paid(&number.to_string())).await.unwrap();
        }
        let other = inboxes.process(webhook_settings);
        let running = [salver, &other].map(|salver| salver.worker().webhooks().start().unwrap());
        let deliveries = arrived(&inboxes, &receiver, 40).await;
        for worker in running {
            worker.stop().await;
        }
        let most = deliveries.iter().map(|one| one.in_flight).max();
        assert_eq!(most, Some(MAX_IN_FLIGHT));
        assert_eq!(receiver.requests().len(), 40);
    }

    /// The event of a delivery is gone, so that it dies without a request.
    async fn delivery_that_is_not_sent_occupies_no_slot(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.rate(60_000).types(["order.paid"])).await;
        receiver.set_replies("/hook", &[Reply::status(200).after(Duration::from_millis(100))]);
        for number in 0..MAX_IN_FLIGHT {
            salver.publish(order_paid(&number.to_string())).await.unwrap();
        }
        salver.worker().events().drain().await.unwrap();
        // Longer than their events are stored.
        inboxes.advance(Duration::from_secs(8 * 24 * 60 * 60));
        deliver(salver).await;
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, MAX_IN_FLIGHT as u64);
        receiver.set_ahead(Duration::from_secs(8 * 24 * 60 * 60));
        salver.publish(order_paid("after")).await.unwrap();
        deliver(salver).await;
        assert_eq!(receiver.deliveries().len(), 1);
    }

    /// A slow endpoint, and more deliveries than it gets in the days for which events are stored.
    async fn delivery_that_waits_for_its_slot_for_days_is_sent(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.rate(1)).await;
        for number in 0..20 {
            salver.publish(order_paid(&number.to_string())).await.unwrap();
        }
        let advance = |time| {
            inboxes.advance(time);
            receiver.set_ahead(receiver.ahead() + time);
        };
        deliver(salver).await;
        // Longer than the event of a delivery is stored that does not wait.
        advance(Duration::from_secs(8 * 24 * 60 * 60));
        for _ in 0..60 {
            deliver(salver).await;
            advance(Duration::from_secs(60));
        }
        let dead = salver.deliveries().counts().await.unwrap().dead;
        assert_eq!((dead, receiver.requests().len()), (0, 20));
    }

    async fn delivery_over_the_rate_has_a_slot_of_its_own(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.rate(8)).await;
        for number in 0..10 {
            salver.publish(order_paid(&number.to_string())).await.unwrap();
        }
        deliver(salver).await;
        let waiting = salver.deliveries().list(DeliveryState::Waiting, None).await.unwrap();
        assert!(waiting.iter().all(|one| one.attempts.is_empty()));
        let mut slots: Vec<_> = waiting.iter().map(|one| one.time).collect();
        slots.dedup();
        assert_eq!((slots.len(), receiver.requests().len()), (9, 1));
        for count in 2..=10 {
            inboxes.advance(Duration::from_secs(8));
            deliver(salver).await;
            assert_eq!(receiver.deliveries().len(), count);
        }
    }
}
