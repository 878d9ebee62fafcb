//! Each delivery that is dead is listed, reported and can be replayed, whatever it has died of.

use std::time::{Duration, SystemTime};

use salver::jobs::{Delivery, DeliveryState};
use salver::webhooks::DELIVERY_DEAD;

use crate::inbox_tests;
use crate::support::inboxes::Inboxes;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{deliver, order_paid, register, webhook_settings};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Longer than the lease of a worker.
const LEASE: Duration = Duration::from_secs(151);

/// A receiver whose clock is that of the store: it verifies the time of a webhook.
struct Scene<'a> {
    inboxes: &'a Inboxes,
    receiver: WebhookReceiver,
    /// The id of the endpoint.
    endpoint: String,
}

impl<'a> Scene<'a> {
    /// Registers an endpoint, and another one for reports.
    async fn new(inboxes: &'a Inboxes) -> Self {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let reports = |endpoint: salver::webhooks::Endpoint| endpoint.types([DELIVERY_DEAD]);
        register(salver, &receiver, "/reports", reports).await;
        let hook = |endpoint: salver::webhooks::Endpoint| endpoint.types(["order.paid"]);
        let endpoint = register(salver, &receiver, "/hook", hook).await;
        receiver.set_replies("/hook", &[Reply::silence()]);
        salver.publish(order_paid("1")).await.unwrap();
        Self {
            inboxes,
            receiver,
            endpoint,
        }
    }

    fn advance(&self, time: Duration) {
        self.inboxes.advance(time);
        self.receiver.set_ahead(self.receiver.ahead() + time);
    }

    async fn dead(&self) -> Vec<Delivery> {
        let deliveries = self.inboxes.salver.deliveries();
        deliveries.list(DeliveryState::Dead, None).await.unwrap()
    }

    /// Returns how many reports there were about the delivery.
    fn reports(&self) -> usize {
        let deliveries = self.receiver.deliveries();
        let reports = deliveries.iter().filter(|one| one.path == "/reports");
        let about = |body: &str| body.contains(&self.endpoint) && body.contains(r#""id":"1""#);
        reports.filter(|one| about(&one.body)).count()
    }

    /// Checks that the only dead delivery has been reported, and replays it after 13 days.
    async fn replay(&self) {
        let salver = &self.inboxes.salver;
        deliver(salver).await;
        assert_eq!((self.dead().await.len(), self.reports()), (1, 1));
        self.advance(13 * 24 * HOUR);
        self.receiver.set_replies("/hook", &[Reply::status(204)]);
        let deliveries = salver.deliveries();
        let replay = deliveries.replay(&self.endpoint, SystemTime::UNIX_EPOCH);
        assert_eq!(replay.await.unwrap(), 1);
        let before = self.receiver.count();
        deliver(salver).await;
        assert_eq!(self.receiver.count(), before + 1);
        assert!(self.dead().await.is_empty());
    }
}

inbox_tests! {
    (webhook_settings)

    async fn delivery_whose_last_attempt_takes_too_long_is_reported_and_replayed(inboxes: Inboxes, clock) {
        let scene = Scene::new(&inboxes).await;
        for hours in [0, 1, 1, 1, 1, 2, 8, 30, 60] {
            scene.advance(HOUR * hours);
            assert!(scene.dead().await.is_empty());
            let worker = inboxes.salver.worker().attempt_timeout(Duration::from_millis(500));
            worker.webhooks().drain().await.unwrap();
        }
        let dead = scene.dead().await;
        assert_eq!(dead[0].attempts.last().unwrap().error, "took too long");
        // A report that took too long too is attempted again.
        scene.advance(HOUR);
        scene.replay().await;
    }

    async fn delivery_whose_workers_are_killed_is_reported_and_replayed(inboxes: Inboxes, clock) {
        let scene = Scene::new(&inboxes).await;
        for killed in 1..=5 {
            tokio::select! {
                () = deliver(&inboxes.salver) => panic!("the endpoint has answered"),
                _ = scene.receiver.wait_for(killed) => {}
            }
            scene.advance(LEASE);
        }
        deliver(&inboxes.salver).await;
        let dead = scene.dead().await;
        assert_eq!(dead[0].attempts[0].error, "no attempt ended: each worker died");
        scene.replay().await;
    }
}
