//! Hash slots move between the primaries of a Cluster while events are published and delivered, and a primary is gone until
//! its replica takes over.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::Salver;
use salver::webhooks::MAX_IN_FLIGHT;

use super::scene::{expected, publish, register_fast, report, site, verdict};
use crate::faults::events::scene::{drain_with_retries, wait_until_done};
use crate::support::cluster::{Cluster, cluster_store, wait_until_replicated};
use crate::support::eventually_within;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};

const ENDPOINTS: usize = 4;
/// Events before a primary is gone, and while it is.
const EVENTS: usize = 10;
/// How long no replica takes over: longer than until a worker attempts again.
const OUTAGE: Duration = Duration::from_secs(3);
/// Longer than an outage, and short enough to wait for: a claim whose reply is lost with its primary keeps it.
const LEASE: Duration = Duration::from_secs(10);
/// Pause after each key of a slot that moves slowly.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a busy machine may take for the deliveries before a primary is gone.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

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
        move || cluster.move_slots(slots, &cluster.keys_of_slots(slow_slots), PAUSE)
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

/// Publishes events at the same time, so that none waits for one that is refused. Returns how many calls have failed.
async fn publish_at_once(salver: &Salver, events: Range<usize>) -> usize {
    let calls = events.map(|event| publish(salver, event..event + 1));
    join_all(calls).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_wait_until_the_replica_of_a_lost_primary_takes_over() {
    let (mut cluster, receiver) = (Cluster::replicated(), WebhookReceiver::start());
    let salver = site(cluster_store(&cluster));
    let paths: Vec<_> = (0..ENDPOINTS).map(|number| format!("/{number}")).collect();
    for path in &paths {
        register_fast(&salver, &receiver, path).await;
    }
    let worker = salver.worker().webhooks().poll_interval(OUTAGE / 15);
    let running = worker
        .lease(LEASE)
        .attempt_timeout(LEASE / 2)
        .start()
        .unwrap();
    let (kills, mut events, mut errors) = (by_profile(1, 3), 0, 0);
    let (mut meanwhile, mut recovery) = (0, Duration::ZERO);
    for gone in 0..kills {
        // Deliveries are in flight, and others wait for them, while the primary is lost.
        let name = format!("while {gone} is gone");
        let mut replies = vec![Reply::held(&name); MAX_IN_FLIGHT];
        replies.push(Reply::status(204));
        receiver.set_replies(&paths[0], &replies);
        errors += publish(&salver, events..events + EVENTS).await;
        events += EVENTS;
        eventually_within(
            ARRIVAL_TIMEOUT,
            "deliveries to one path are left",
            async || {
                let counts = salver.deliveries().counts().await.ok()?;
                let arrived = events * ENDPOINTS - (EVENTS - MAX_IN_FLIGHT);
                let is_left = counts.due + counts.later == EVENTS as u64;
                (is_left && receiver.count() >= arrived).then_some(())
            },
        )
        .await;
        wait_until_replicated(&cluster.nodes[gone]).await;
        cluster.nodes[gone].kill();
        let arrived = receiver.count();
        receiver.release(&paths[0], &name, Reply::status(204));
        let during = events..events + 2 * EVENTS;
        events = during.end;
        let (failed, taken_over) = tokio::join!(publish_at_once(&salver, during), async {
            // Attempts fail meanwhile.
            tokio::time::sleep(OUTAGE).await;
            meanwhile += receiver.count() - arrived;
            cluster.take_over(&cluster.nodes[gone]);
            Instant::now()
        });
        errors += failed;
        wait_until_done(&salver).await;
        recovery = recovery.max(taken_over.elapsed());
    }
    running.stop().await;
    assert!(errors > 0, "no event was refused while a primary was gone");
    let verdict = verdict(&receiver.deliveries(), &expected(&paths, 0..events));
    let more = format!("kills={kills} events={events} errors={errors} meanwhile={meanwhile}");
    report("webhooks_cluster_primary_gone", verdict, recovery, more);
}
