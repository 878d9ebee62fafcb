//! An event that a broker has acknowledged is delivered, or dead and listed, whatever is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::Salver;
use salver::jobs::{Delivery, DeliveryState};

use super::programs::{Brokers, ENDPOINTS, PUBLISHERS, Publisher, event_type, path};
use super::scene::{is_done, report, verdict};
use crate::support::eventually_within;
use crate::support::inboxes::Inboxes;
use crate::support::redis::Server;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{register, webhook_settings};

const EVENTS: usize = 10_000;
/// How often each broker and Redis is killed while events are accepted.
const KILLS_OF_EACH: usize = 2;
/// How long a busy machine may take for one step of the test.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than the lease of a job, and shorter than a signature is valid.
const LEASE: Duration = Duration::from_secs(151);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Redis, whose clock the test moves by killing it.
struct Store {
    server: Server,
    receiver: Arc<WebhookReceiver>,
    kills: usize,
}

impl Store {
    /// Kills it, and starts it again some time later.
    fn kill(&mut self, time: Duration) {
        self.server.kill();
        self.kills += 1;
        let ahead = self.receiver.ahead() + time;
        self.server.restart_ahead(ahead);
        self.receiver.set_ahead(ahead);
    }

    async fn wait_for_fan_out(&self) {
        eventually_within(PATIENCE, "all events are fanned out", async || {
            let events: usize = self.server.run(&[b"ZCARD", b"app!due.events:{0}"]);
            (events == 0).then_some(())
        })
        .await;
    }
}

/// Registers an endpoint for each type. Returns the id of the first one.
async fn register_all(salver: &Salver, receiver: &WebhookReceiver) -> String {
    let ids = (0..ENDPOINTS).map(|number| {
        let path = path(number * PUBLISHERS);
        async move {
            register(salver, receiver, &path, |endpoint| {
                endpoint.rate(60_000).types([event_type(number)])
            })
            .await
        }
    });
    join_all(ids).await.remove(0)
}

/// Kills brokers and Redis in any order, at any time while events are accepted. The receiver is down from the middle.
async fn kill_while_accepting(brokers: &Brokers, store: &mut Store) -> usize {
    let mut victims: Vec<_> = (0..3 * KILLS_OF_EACH).map(|number| number % 3).collect();
    fastrand::shuffle(&mut victims);
    let times = victims.iter().map(|_| fastrand::usize(EVENTS / 50..EVENTS));
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    for (victim, time) in victims.iter().zip(times) {
        eventually_within(PATIENCE, "events are accepted", async || {
            (brokers.acknowledged.load(Ordering::Relaxed) >= time).then_some(())
        })
        .await;
        if time >= EVENTS / 2 {
            store.receiver.stop();
        }
        match victim {
            2 => store.kill(LEASE),
            broker => brokers.kill(*broker),
        }
    }
    2 * KILLS_OF_EACH
}

/// Waits until no delivery is due: each was attempted, or waits for its slot.
async fn wait_until_attempted(salver: &Salver) {
    eventually_within(PATIENCE, "no delivery is due", async || {
        let counts = salver.deliveries().counts().await.ok()?;
        (counts.due == 0).then_some(())
    })
    .await;
}

/// Kills Redis, ahead by some time and then by more, until no delivery is left.
async fn deliver_all(salver: &Salver, store: &mut Store) {
    let mut time = LEASE;
    loop {
        let arrived = store.receiver.count();
        store.kill(time);
        if is_done(salver, &store.receiver).await {
            break;
        }
        // Without any that has arrived, the next attempts are later than that.
        time = match store.receiver.count() > arrived {
            true => LEASE,
            false => 2 * time,
        };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_event_is_delivered_or_dead_whatever_is_killed() {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut inboxes = Inboxes::redis_with_options(webhook_settings, &options);
    let (salver, receiver) = (&inboxes.salver, Arc::new(WebhookReceiver::start()));
    let first_endpoint = register_all(salver, &receiver).await;
    let mut store = Store {
        server: inboxes.server.take().unwrap(),
        receiver: Arc::clone(&receiver),
        kills: 0,
    };
    let brokers = Arc::new(Brokers::start(store.server.url()));
    let started = Instant::now();
    let publishing = (0..PUBLISHERS).map(|part| {
        let publisher = Publisher::new(&brokers, &receiver);
        tokio::spawn(async move { publisher.publish(part, EVENTS).await })
    });
    let publishing: Vec<_> = publishing.collect();
    let mut broker_kills = kill_while_accepting(&brokers, &mut store).await;
    for published in join_all(publishing).await {
        published.unwrap();
    }
    receiver.stop();
    // What killed brokers had claimed.
    store.kill(LEASE);
    store.wait_for_fan_out().await;
    // The deliveries to it that are left die.
    salver.endpoints().disable(&first_endpoint).await.unwrap();
    for _ in 0..2 {
        store.kill(3 * HOUR);
        wait_until_attempted(salver).await;
    }
    receiver.restart();
    let (recovering, before) = (Instant::now(), receiver.count());
    // What has failed is attempted again by then.
    store.kill(2 * HOUR);
    eventually_within(PATIENCE, "each endpoint gets a delivery", async || {
        let deliveries = receiver.deliveries();
        let paths: BTreeSet<_> = deliveries[before..].iter().map(|one| &one.path).collect();
        (paths.len() == ENDPOINTS - 1).then_some(())
    })
    .await;
    brokers.kill(0);
    broker_kills += 1;
    deliver_all(salver, &mut store).await;
    let recovery = recovering.elapsed();
    brokers.stop();

    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for number in 0..EVENTS {
        let of_path = expected.entry(path(number)).or_default();
        of_path.insert(number.to_string());
    }
    let deliveries = receiver.deliveries();
    let mut verdict = verdict(&deliveries, &expected);
    verdict.delivered = take(&mut verdict.received);
    let dead = dead_besides(salver, deliveries.iter().map(|one| one.id.clone())).await;
    verdict.lost = verdict.lost.abs_diff(dead);
    let forged_accepted = brokers.forged_accepted(&receiver);
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let more = format!(
        "acknowledged={} dead={dead} repeated={} forged={} forged_accepted={forged_accepted} kills={} hours=6 seconds={:.0}",
        count(&brokers.acknowledged),
        count(&brokers.repeated),
        count(&brokers.forged),
        broker_kills + store.kills,
        started.elapsed().as_secs_f64()
    );
    report("webhooks_broker_kill", verdict, recovery, more);
    assert!(dead > 0 && count(&brokers.forged) > 0);
    assert_eq!(forged_accepted, 0);
}

/// Counts the dead deliveries that are listed and have not arrived. `arrived`: the ids of those that have.
async fn dead_besides(salver: &Salver, arrived: impl Iterator<Item = Option<String>>) -> usize {
    let arrived: BTreeSet<_> = arrived.flatten().collect();
    let (deliveries, mut dead) = (salver.deliveries(), Vec::<Delivery>::new());
    loop {
        let page = deliveries.list(DeliveryState::Dead, dead.last());
        let page = page.await.unwrap();
        if page.is_empty() {
            let listed = dead.iter().filter(|one| !arrived.contains(&one.id));
            return listed.count();
        }
        dead.extend(page);
    }
}
