//! Hash slots move between the primaries of a Cluster while events are published and delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scene::{expected, publish, register_fast, report, site, verdict};
use crate::faults::events::scene::drain_with_retries;
use crate::support::cluster::{Cluster, cluster_store};
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::WebhookReceiver;

const ENDPOINTS: usize = 4;

/// Moves slots without keys, and slowly those with a key of the site.
fn move_slots(cluster: &Cluster, slots: usize, slow_slots: usize) {
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        cluster.reshard(&cluster.nodes[from], &cluster.nodes[to], slots);
    }
    let mut keys = BTreeMap::new();
    for node in &cluster.nodes {
        let found: Vec<String> = node.run(&[b"KEYS", b"app!*"]);
        for key in found {
            let slot: u64 = node.run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
            keys.insert(slot, key);
        }
    }
    for key in keys.values().take(slow_slots) {
        let primary = cluster.primary_of(&cluster.nodes[0], key);
        let (from, to) = (&cluster.nodes[primary], &cluster.nodes[(primary + 1) % 3]);
        cluster.migrate_slot_slowly(key, from, to, Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_arrive_once_while_slots_move() {
    let (cluster, receiver) = (Arc::new(Cluster::start(3, 0)), WebhookReceiver::start());
    let salver = site(cluster_store(&cluster));
    let paths: Vec<_> = (0..ENDPOINTS).map(|number| format!("/{number}")).collect();
    for path in &paths {
        register_fast(&salver, &receiver, path).await;
    }
    // There are keys to move.
    let mut errors = publish(&salver, 0..1).await;
    let (slots, slow_slots) = (by_profile(50, 600), by_profile(20, 100));
    let moving = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || move_slots(&cluster, slots, slow_slots)
    });
    let (mut events, worker) = (1, salver.worker().webhooks());
    while !moving.is_finished() {
        errors += publish(&salver, events..events + 5).await;
        events += 5;
        errors += usize::from(worker.drain().await.is_err());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    moving.await.unwrap();
    let moved = Instant::now();
    drain_with_retries(&salver, &worker).await;
    let verdict = verdict(&receiver.deliveries(), &expected(&paths, 0..events));
    let more = format!(
        "events={events} moved={} slow_slots={slow_slots} errors={errors}",
        3 * slots
    );
    let again = verdict.again;
    report(
        "webhooks_cluster_slots_move",
        verdict,
        moved.elapsed(),
        more,
    );
    assert_eq!(again, 0, "deliveries that were repeated");
}
