//! A worker with a wrong setting is refused at its start, and one waits whose server may evict keys, or has the jobs in
//! other partitions. Events are delivered as soon as that is right.

use std::time::{Duration, Instant};

use salver::Salver;
use salver::store::MemoryStore;

use super::scene::{expected, publish, register_fast, report, verdict};
use crate::faults::events::misconfigured::FAULTS;
use crate::faults::events::scene::wait_until_done;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, webhook_settings};

#[tokio::test]
async fn wrong_settings_delay_webhooks_until_they_are_right() {
    let (scene, receiver) = (
        Inboxes::redis_with(webhook_settings),
        WebhookReceiver::start(),
    );
    let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
    register_fast(salver, &receiver, "/hook").await;
    publish(salver, 0..1).await;
    let second = Duration::from_secs(1);
    let short_lease = || {
        salver
            .worker()
            .webhooks()
            .attempt_timeout(second)
            .lease(second)
    };
    let unsigned = Salver::builder("app")
        .store(MemoryStore::new())
        .build()
        .unwrap();
    for worker in [short_lease(), unsigned.worker().webhooks()] {
        assert!(worker.drain().await.unwrap_err().is_misconfigured());
        assert!(worker.start().unwrap_err().is_misconfigured());
    }
    assert_eq!(receiver.requests().len(), 0);
    deliver(salver).await;

    let (logs, mut recovery) = (Logs::everywhere(), Duration::ZERO);
    for (number, fault) in FAULTS.iter().enumerate() {
        fault.begin(server);
        publish(salver, number + 1..number + 2).await;
        let running = salver.worker().webhooks().start().unwrap();
        fault.assert_waiting(salver, &logs).await;
        assert_eq!(receiver.requests().len(), number + 1);
        fault.end(server);
        let ended = Instant::now();
        wait_until_done(salver).await;
        recovery = recovery.max(ended.elapsed());
        running.stop().await;
    }
    let expected = expected(&["/hook".to_owned()], 0..FAULTS.len() + 1);
    let verdict = verdict(&receiver.deliveries(), &expected);
    let more = format!("refused=2 waited={}", FAULTS.len());
    report("webhooks_misconfigured", verdict, recovery, more);
}
