//! Hash slots move between the primaries of a Cluster while people are notified and mails are sent, and a
//! primary is lost until its replica takes over.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scene::{KINDS, Kind, Notified, Scene};
use crate::support::cluster::{Cluster, REPLICATED, wait_until_replicated};
use crate::support::profile::by_profile;
use crate::support::worker_process::mail_worker;

/// People whose mails are due when the fault begins.
const PEOPLE: usize = 20;
/// People who are notified in each step of a fault.
const PART: usize = 4;
/// Pause after each key of a slot that moves slowly.
const PAUSE: Duration = Duration::from_millis(5);
/// How long no replica takes over: longer than until a worker attempts again.
const OUTAGE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_are_sent_once_while_slots_move() {
    for kind in KINDS {
        move_slots(kind).await;
    }
}

async fn move_slots(kind: Kind) {
    let (scene, cluster) = Scene::start_in(|clock: &Path| Cluster::start_at(clock, 3, 0, &[]));
    let (slots, slow_slots) = (by_profile(30, 600), by_profile(20, 100));
    scene
        .notify_by(&scene.inboxes.salver, kind, 0..PEOPLE)
        .await;
    scene.plan_digests(kind).await;
    let cluster = Arc::new(cluster);
    let moving = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || cluster.move_slots(slots, &cluster.keys_of_slots(slow_slots), PAUSE)
    });
    let (mut people, mut notified, mut errors) = (PEOPLE, Notified::default(), 0);
    while !moving.is_finished() {
        let part = people..people + PART;
        let salver = &scene.inboxes.salver;
        notified = notified.and(&scene.notify_by(salver, kind, part).await);
        people += PART;
        errors += usize::from(scene.try_drain().await.is_err());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    moving.await.unwrap();
    let moved = Instant::now();
    scene.finish().await;
    let more = format!(
        "kind={kind:?} people={people} moved={} slow_slots={slow_slots} errors={}",
        slots * 3,
        notified.errors + errors
    );
    let times = (notified.worst_wait, moved.elapsed());
    let again = scene.report("mail_cluster_slots_move", times, more);
    assert_eq!(again, 0, "mails that were sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_wait_until_the_replica_of_a_lost_primary_takes_over() {
    for kind in KINDS {
        lose_primary(kind).await;
    }
}

async fn lose_primary(kind: Kind) {
    let start = |clock: &Path| Cluster::start_at(clock, 3, 1, &REPLICATED);
    let (scene, mut cluster) = Scene::start_in(start);
    let salver = &scene.inboxes.salver;
    scene.notify_by(salver, kind, 0..PEOPLE).await;
    scene.plan_digests(kind).await;
    wait_until_replicated(&cluster.nodes[0]).await;
    cluster.nodes[0].kill();
    let worker = mail_worker(salver, &scene.smtp.url()).poll_interval(OUTAGE / 15);
    let running = worker.start().unwrap();
    let sent = scene.smtp.count();
    let during = scene.notify_by(salver, kind, PEOPLE..2 * PEOPLE);
    let (notified, (meanwhile, taken_over)) = tokio::join!(during, async {
        // Attempts fail meanwhile.
        tokio::time::sleep(OUTAGE).await;
        let meanwhile = scene.smtp.count() - sent;
        tokio::task::block_in_place(|| cluster.take_over(&cluster.nodes[0]));
        (meanwhile, Instant::now())
    });
    scene.wait_for_mails(sent + PEOPLE).await;
    running.stop().await;
    scene.finish().await;
    assert!(
        notified.errors > 0,
        "no call failed while a primary was lost"
    );
    let more = format!(
        "kind={kind:?} errors={} meanwhile={meanwhile}",
        notified.errors
    );
    let times = (notified.worst_wait, taken_over.elapsed());
    let again = scene.report("mail_cluster_primary_gone", times, more);
    assert_eq!(again, 0, "mails that were sent again");
}
