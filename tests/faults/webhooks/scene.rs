//! A site with endpoints under a fault: its Redis server, its receiver, and what webhooks have arrived.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use salver::Salver;
use salver::store::RedisStore;
use serde_json::Value;

use crate::faults::events::scene::until_accepted;
use crate::support::eventually_within;
use crate::support::history::{Row, Verdict};
use crate::support::inboxes::Inboxes;
use crate::support::redis::Server;
use crate::support::webhook_receiver::{ReceivedRequest, WebhookReceiver};
use crate::support::webhooks::{order_paid, register, webhook_settings};
use crate::support::worker_process::WorkerProcess;

/// Longer than the lease of a job and its first delays, shorter than a signature is valid.
pub const LEASE: Duration = Duration::from_secs(151);
/// How long no delivery may arrive while a test waits for deliveries.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long no delivery arrives before a test moves the clock.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long a busy machine may take for all deliveries of a test.
const DONE_TIMEOUT: Duration = Duration::from_secs(180);
/// How often a worker asks for jobs.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub struct Scene {
    pub inboxes: Inboxes,
    pub receiver: WebhookReceiver,
    redis: String,
}

impl Scene {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a scene whose Redis server has options of its own. Its clock goes on, together with that of the receiver.
    pub fn start_with(options: &[&str]) -> Self {
        let inboxes = Inboxes::redis_with_running_clock(webhook_settings, options);
        Self {
            redis: inboxes.server.as_ref().unwrap().url(),
            receiver: WebhookReceiver::start_at(inboxes.clock_file()),
            inboxes,
        }
    }

    pub fn redis(&self) -> &str {
        &self.redis
    }

    pub fn server(&self) -> &Server {
        self.inboxes.server.as_ref().unwrap()
    }

    /// Registers so many endpoints. Returns their paths.
    pub async fn register(&self, count: usize) -> Vec<String> {
        let paths: Vec<_> = (0..count).map(|number| format!("/{number}")).collect();
        for path in &paths {
            register_fast(&self.inboxes.salver, &self.receiver, path).await;
        }
        paths
    }

    pub fn worker(&self) -> WorkerProcess {
        WorkerProcess::delivering(&self.redis, POLL_INTERVAL)
    }

    /// Waits until so many deliveries have arrived.
    pub async fn wait_for(&self, count: usize) {
        let (mut last, mut last_progress) = (0, Instant::now());
        while last < count {
            let arrived = self.receiver.count();
            if arrived > last {
                (last, last_progress) = (arrived, Instant::now());
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "no delivery after {last} of {count} in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Performs what is left, when its time has come.
    pub async fn finish(&self) {
        for _ in 0..20 {
            self.inboxes
                .salver
                .worker()
                .webhooks()
                .drain()
                .await
                .unwrap();
            let counts = self.inboxes.salver.deliveries().counts().await.unwrap();
            assert_eq!(counts.dead, 0);
            if counts.due + counts.later == 0 {
                return;
            }
            self.inboxes.advance(LEASE);
        }
        panic!("deliveries are left");
    }
}

/// Waits until no delivery is left, or none arrives for some time: what is left waits for its next attempt. Returns whether
/// none is left.
pub async fn is_done(salver: &Salver, receiver: &WebhookReceiver) -> bool {
    let last = Cell::new((receiver.count(), Instant::now()));
    eventually_within(
        DONE_TIMEOUT,
        "no delivery is left, or none arrives",
        async || {
            let counts = salver.deliveries().counts().await.ok()?;
            let (arrived, since) = last.get();
            if receiver.count() > arrived {
                last.set((receiver.count(), Instant::now()));
            }
            match counts.due + counts.later {
                0 => Some(true),
                _ => (counts.due == 0 && since.elapsed() > QUIET).then_some(false),
            }
        },
    )
    .await
}

/// Registers an endpoint that gets as many deliveries as the machine can send.
pub async fn register_fast(salver: &Salver, receiver: &WebhookReceiver, path: &str) -> String {
    register(salver, receiver, path, |endpoint| endpoint.rate(60_000)).await
}

/// Returns a handle of a site with endpoints, whose calls wait as long as those of any site.
pub fn site(store: RedisStore) -> Salver {
    webhook_settings(Salver::builder("app").store(store))
        .build()
        .unwrap()
}

/// Publishes events, each until the store accepts it. Returns how many calls have failed.
pub async fn publish(salver: &Salver, events: Range<usize>) -> usize {
    let mut errors = 0;
    for number in events {
        let event = || order_paid(&number.to_string());
        errors += until_accepted(async || salver.publish(event()).await).await;
    }
    errors
}

/// Returns what is to arrive if each endpoint gets each event.
pub fn expected(paths: &[String], events: Range<usize>) -> BTreeMap<String, BTreeSet<String>> {
    let events: BTreeSet<_> = events.map(|number| number.to_string()).collect();
    let paths = paths.iter().map(|path| (path.clone(), events.clone()));
    paths.collect()
}

/// Counts the deliveries of events, each of which is to arrive at least once at a path, with one id. `expected`: paths, each
/// with the ids of the events.
pub fn verdict(
    deliveries: &[ReceivedRequest],
    expected: &BTreeMap<String, BTreeSet<String>>,
) -> Verdict {
    let mut arrived: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for delivery in deliveries {
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        let event = body["id"].as_str().unwrap().to_owned();
        let of_event = arrived.entry((&delivery.path, event)).or_default();
        of_event.push(delivery.id.as_deref().unwrap());
    }
    let mut verdict = Verdict::default();
    for (path, events) in expected {
        for event in events {
            let ids = arrived.remove(&(path, event.clone())).unwrap_or_default();
            let distinct: BTreeSet<_> = ids.iter().collect();
            verdict.n += 1;
            verdict.received += distinct.len().min(1);
            verdict.lost += usize::from(ids.is_empty());
            // With another id the receiver could not tell that it is a repeat.
            verdict.twice += distinct.len().saturating_sub(1);
            verdict.again += ids.len() - distinct.len();
        }
    }
    verdict.misdelivered = arrived.len();
    verdict
}

/// Prints the row of a test, and fails if a webhook was lost, or arrived with two ids or at another path.
pub fn report(test: &'static str, verdict: Verdict, recovery: Duration, more: String) {
    let is_right = (verdict.lost, verdict.twice, verdict.misdelivered) == (0, 0, 0);
    let row = Row {
        test,
        verdict,
        worst_wait: Duration::ZERO,
        recovery,
        more,
    };
    println!("{row}");
    assert!(is_right, "{row}");
}
