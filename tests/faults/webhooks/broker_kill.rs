//! An event that a broker has acknowledged is delivered, or dead and listed, whatever is killed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::json;

use super::scene::{report, verdict};
use crate::support::broker_process::{BrokerProcess, TOKEN};
use crate::support::eventually_within;
use crate::support::inboxes::Inboxes;
use crate::support::redis::Server;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{register, webhook_settings};

const EVENTS: usize = 10_000;
const PUBLISHERS: usize = 16;
/// Each gets a fourth of the events: one has four deliveries at the same time at most.
const ENDPOINTS: usize = 4;
/// Kills of a broker and of Redis in turn, and one outage of the receiver.
const KILLS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long no delivery arrives before the test moves the clock.
const QUIET: Duration = Duration::from_secs(1);
/// Longer than the lease of a job.
const LEASE: Duration = Duration::from_secs(151);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn path(kind: usize) -> String {
    format!("/hook-{kind}")
}

fn event_type(kind: usize) -> String {
    format!("order.{kind}")
}

/// Two brokers, one of which may be gone.
struct Brokers {
    redis: String,
    running: Mutex<[Option<BrokerProcess>; 2]>,
}

impl Brokers {
    fn start(redis: String) -> Self {
        let running = [0, 1].map(|_| Some(BrokerProcess::start(&redis)));
        Self {
            redis,
            running: Mutex::new(running),
        }
    }

    fn url(&self, number: usize) -> Option<String> {
        let running = self.running.lock().unwrap();
        running[number % 2]
            .as_ref()
            .map(|broker| broker.url("/v1/events"))
    }

    /// Kills a broker, which is a worker too, and starts another one.
    fn kill(&self, number: usize) {
        let killed = self.running.lock().unwrap()[number % 2].take();
        killed.unwrap().kill();
        let other = BrokerProcess::start(&self.redis);
        self.running.lock().unwrap()[number % 2] = Some(other);
    }

    fn stop(self) {
        for broker in self.running.into_inner().unwrap().into_iter().flatten() {
            broker.stop();
        }
    }
}

/// Publishes events until each is acknowledged. Returns how many requests have failed.
async fn publish(brokers: Arc<Brokers>, from: usize, accepted: Arc<AtomicUsize>) -> usize {
    let client = Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let mut failed = 0;
    for number in (from..EVENTS).step_by(PUBLISHERS) {
        let id = number.to_string();
        let event = json!({"specversion": "1.0", "id": id, "source": "/shop", "type": event_type(number % ENDPOINTS), "data": number});
        loop {
            let Some(url) = brokers.url(number + failed) else {
                failed += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let request = client.post(url).bearer_auth(TOKEN);
            let request = request.header("content-type", "application/cloudevents+json");
            let response = request.body(event.to_string()).send().await;
            match response.map(|response| response.status().as_u16()) {
                Ok(202) => break,
                Ok(status @ (401 | 403 | 409 | 422)) => panic!("{status}"),
                _ => {
                    failed += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_event_is_delivered_or_dead_whatever_is_killed() {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut scene = Inboxes::redis_with_running_clock(webhook_settings, &options);
    let mut server = scene.server.take().unwrap();
    let receiver = WebhookReceiver::start_at(scene.clock_file());
    let salver = &scene.salver;
    for kind in 0..ENDPOINTS {
        register(salver, &receiver, &path(kind), |endpoint| {
            endpoint.rate(60_000).types([event_type(kind)])
        })
        .await;
    }
    let brokers = Arc::new(Brokers::start(server.url()));
    let (accepted, started) = (Arc::<AtomicUsize>::default(), Instant::now());
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|from| tokio::spawn(publish(Arc::clone(&brokers), from, Arc::clone(&accepted))))
        .collect();
    for kill in 0..KILLS {
        let until = EVENTS * (kill + 1) / (KILLS + 2);
        eventually_within(PATIENCE, "events are accepted", async || {
            (accepted.load(Ordering::Relaxed) >= until).then_some(())
        })
        .await;
        eprintln!(
            "{kill} {:?} accepted={} arrived={}",
            started.elapsed(),
            accepted.load(Ordering::Relaxed),
            receiver.count()
        );
        match kill % 3 {
            2 => restart(&mut server),
            _ => brokers.kill(kill),
        }
        if kill == KILLS / 2 {
            receiver.stop();
        }
        scene.advance(LEASE);
    }
    let failed: usize = join_all(publishing)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    // The receiver is down for six hours.
    for _ in 0..6 {
        scene.advance(HOUR);
        eventually_within(PATIENCE, "attempts fail", async || {
            salver.deliveries().counts().await.is_ok().then_some(())
        })
        .await;
    }
    receiver.restart();
    let recovering = Instant::now();
    let last = Cell::new((0, Instant::now()));
    eventually_within(6 * PATIENCE, "no delivery is left", async || {
        let counts = salver.deliveries().counts().await.ok()?;
        eprintln!(
            "{:?} {counts:?} arrived={}",
            started.elapsed(),
            receiver.count()
        );
        let (arrived, since) = last.get();
        if receiver.count() > arrived {
            last.set((receiver.count(), Instant::now()));
        } else if since.elapsed() > QUIET {
            // What is left waits for its next attempt.
            scene.advance(HOUR);
            last.set((arrived, Instant::now()));
        }
        (counts.due + counts.later == 0).then_some(())
    })
    .await;
    let recovery = recovering.elapsed();
    Arc::into_inner(brokers).unwrap().stop();

    let dead = dead(salver).await;
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for number in 0..EVENTS {
        let of_path = expected.entry(path(number % ENDPOINTS)).or_default();
        of_path.insert(number.to_string());
    }
    let mut verdict = verdict(&receiver.deliveries(), &expected);
    assert_eq!(verdict.lost, dead, "acknowledged = delivered + dead");
    verdict.lost = 0;
    let forged = receiver.requests().len() - receiver.deliveries().len();
    assert_eq!(forged, 0, "a broker has signed wrongly");
    let more = format!(
        "kills={KILLS} refused={failed} dead={dead} forged_accepted=0 seconds={:.0}",
        started.elapsed().as_secs_f64()
    );
    report("webhooks_broker_kill", verdict, recovery, more);
}

fn restart(server: &mut Server) {
    server.kill();
    server.restart();
}

/// Counts the dead deliveries.
async fn dead(salver: &salver::Salver) -> usize {
    let counts = salver.deliveries().counts().await.unwrap();
    usize::try_from(counts.dead).unwrap()
}
