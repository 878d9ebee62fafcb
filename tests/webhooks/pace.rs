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
