//! Brokers in processes of their own, on one Redis.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Broker, increment};
use crate::seeds::print_row;
use crate::support::broker_process::BrokerProcess;
use crate::support::eventually_within;
use crate::support::redis::Server;
use crate::support::webhook_receiver::WebhookReceiver;

const EVENTS_PER_KILL: usize = 5;
const KILLS: usize = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Longer than the lease of a job.
const LEASE: Duration = Duration::from_secs(151);
/// How long a busy machine may take. Slots are a second apart until a success is recorded.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the ids of the events that have arrived.
fn arrived(receiver: &WebhookReceiver) -> Vec<String> {
    let deliveries = receiver.deliveries().into_iter();
    let ids = deliveries.map(|one| {
        let event: Value = serde_json::from_str(&one.body).unwrap();
        event["id"].as_str().unwrap().to_owned()
    });
    ids.collect()
}

/// Returns how many webhooks a broker has delivered.
async fn delivered_by(broker: &BrokerProcess) -> usize {
    let metrics = reqwest::get(broker.url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let is_count = |line: &&str| {
        let labels = [r#"queue="webhook""#, r#"outcome="done""#];
        line.starts_with("salver_job_attempt_duration_seconds_count")
            && labels.iter().all(|label| line.contains(label))
    };
    let line = metrics.lines().find(is_count);
    line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

#[actix_web::test]
async fn k09_two_brokers_on_one_redis_share_the_work() {
    let (server, receiver) = (Server::start(), WebhookReceiver::start());
    let brokers = [0, 1].map(|_| BrokerProcess::start(&server.url()));
    let broker = Broker::of(&brokers[0]);
    for path in ["/a", "/b", "/c", "/d"] {
        let rate = json!({"rate": 60_000});
        broker.register(&receiver, path, &rate).await;
    }
    // One accepts all events, and each of them delivers a part.
    let mut events = 0;
    loop {
        for _ in 0..20 {
            events += 1;
            let event = increment(&events.to_string(), 1);
            assert_eq!(broker.publish(&event).await, 202);
        }
        let parts = [
            delivered_by(&brokers[0]).await,
            delivered_by(&brokers[1]).await,
        ];
        if parts.iter().all(|part| *part > 0) {
            break;
        }
        assert!(events < 2_000, "{parts:?}");
    }
    let deliveries = receiver.wait_for(4 * events).await;
    let ids: BTreeSet<_> = deliveries.iter().map(|one| one.id.clone()).collect();
    assert_eq!((deliveries.len(), ids.len()), (4 * events, 4 * events));
    eventually_within(PATIENCE, "each delivery is one of a broker", async || {
        let parts = [
            delivered_by(&brokers[0]).await,
            delivered_by(&brokers[1]).await,
        ];
        (parts[0] + parts[1] == 4 * events).then_some(())
    })
    .await;
    for broker in brokers {
        broker.stop();
    }
    print_row("k09_two_brokers_on_one_redis_share_the_work", "ok");
}

#[actix_web::test]
async fn k10_no_event_is_lost_when_brokers_and_redis_are_killed_and_the_subscriber_is_down() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (receiver, mut ahead) = (WebhookReceiver::start(), Duration::ZERO);
    let mut killed = BrokerProcess::start(&server.url());
    let rate = json!({"rate": 60_000});
    Broker::of(&killed)
        .register(&receiver, "/hook", &rate)
        .await;
    receiver.stop();
    let mut expected = BTreeSet::new();
    for _ in 0..KILLS {
        let broker = Broker::of(&killed);
        for _ in 0..EVENTS_PER_KILL {
            let id = expected.len().to_string();
            eventually_within(PATIENCE, "an event is acknowledged", async || {
                (broker.publish(&increment(&id, 1)).await == 202).then_some(())
            })
            .await;
            expected.insert(id);
        }
        killed.kill();
        server.kill();
        ahead += 2 * HOUR;
        server.restart_ahead(ahead);
        killed = BrokerProcess::start(&server.url());
    }
    receiver.set_ahead(ahead);
    receiver.restart();
    receiver.wait_for(1).await;
    // The others wait for slots that are far apart while all deliveries fail.
    killed.kill();
    server.kill();
    ahead += LEASE;
    server.restart_ahead(ahead);
    receiver.set_ahead(ahead);
    let broker = BrokerProcess::start(&server.url());
    eventually_within(PATIENCE, "all events have arrived", async || {
        let ids: BTreeSet<_> = arrived(&receiver).into_iter().collect();
        (ids == expected).then_some(())
    })
    .await;
    broker.stop();
    print_row(
        "k10_no_event_is_lost_when_brokers_and_redis_are_killed_and_the_subscriber_is_down",
        "ok",
    );
}
