//! A server that refuses writes: publishers are refused, and fan-outs wait.

use std::time::{Duration, Instant};

use salver::events::Subscription;

use super::scene::{edit, edits, person, report, subscribe, verdict};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

const PEOPLE: usize = 20;
const REFUSALS: [&str; 3] = ["out of memory", "too few replicas", "failed snapshot"];

async fn refuse(scene: &Inboxes, refusal: &str, refuses: bool) {
    let server = scene.server.as_ref().unwrap();
    match (refusal, refuses) {
        ("out of memory", true) => server.set_config("maxmemory", "1"),
        ("out of memory", false) => server.set_config("maxmemory", "0"),
        ("failed snapshot", true) => server.fail_snapshots().await,
        ("failed snapshot", false) => server.set_config("save", ""),
        (_, true) => server.set_config("min-replicas-to-write", "1"),
        (_, false) => server.set_config("min-replicas-to-write", "0"),
    }
}

#[tokio::test]
async fn server_that_refuses_writes_refuses_events_and_delays_fan_outs() {
    let (mut total, mut recovery) = (Verdict::default(), Duration::ZERO);
    for round in 0..by_profile(1, 20) {
        for refusal in REFUSALS {
            let scene = Inboxes::redis_with_clock();
            let salver = &scene.salver;
            subscribe(salver, 0..PEOPLE).await;
            salver.publish(edit(2 * round)).await.unwrap();
            refuse(&scene, refusal, true).await;
            let other = Subscription::new("wiki.delete");
            let refused = [
                salver.publish(edit(2 * round + 1)).await.unwrap_err(),
                salver
                    .subscribe(&person(0), other.clone())
                    .await
                    .unwrap_err(),
                salver.worker().events().drain().await.unwrap_err(),
            ];
            for error in refused {
                assert!(
                    error.is_full() || error.is_unavailable(),
                    "{refusal}: {error:?}"
                );
            }
            refuse(&scene, refusal, false).await;
            let accepted = Instant::now();
            assert!(!salver.is_subscribed(&person(0), &other).await.unwrap());
            assert!(salver.is_subscribed(&person(0), &edits()).await.unwrap());
            scene.advance(Duration::from_secs(151));
            salver.worker().events().drain().await.unwrap();
            recovery = recovery.max(accepted.elapsed());
            // What was refused was not applied.
            let none = verdict(salver, 0..PEOPLE, 2 * round + 1..2 * round + 2).await;
            assert_eq!(none.received, 0);
            salver.publish(edit(2 * round + 1)).await.unwrap();
            salver.worker().events().drain().await.unwrap();
            add_up(
                &mut total,
                &verdict(salver, 0..PEOPLE, 2 * round..2 * round + 2).await,
            );
        }
    }
    let more = format!("refusals={}", REFUSALS.len());
    report("events_refused", total, (Duration::ZERO, recovery), more);
}
