//! What webhooks have arrived.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use salver::Salver;
use serde_json::Value;

use crate::support::eventually_within;
use crate::support::history::{Row, Verdict};
use crate::support::webhook_receiver::{ReceivedRequest, WebhookReceiver};

/// How long no delivery arrives before a test moves the clock.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long a busy machine may take for all deliveries of a test.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until no delivery is left, or none arrives for some time: what is left waits for its next attempt. Returns whether
/// none is left.
pub async fn is_done(salver: &Salver, receiver: &WebhookReceiver) -> bool {
    let last = Cell::new((receiver.count(), Instant::now()));
    eventually_within(
        PATIENCE,
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
