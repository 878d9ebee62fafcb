//! Hash slots move between the primaries of a Cluster while people subscribe and events are fanned out, and a primary is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use salver::Message;
use salver::events::EventType;
use tokio::sync::Semaphore;

use super::scene::{
    drain_with_retries, edit, edits, person, report, until_accepted, verdict, wait_until_done,
};
use crate::support::cluster::{Cluster, cluster_handle};
use crate::support::eventually;
use crate::support::profile::by_profile;

const PEOPLE: usize = 100;
const EDIT: EventType = EventType::new("wiki.edit", &["language"]);
/// The number of the primary that is gone, and for how long: longer than until a worker attempts again.
const GONE: usize = 1;
const OUTAGE: Duration = Duration::from_secs(3);

/// Pause after each key of a slot that moves slowly.
const PAUSE: Duration = Duration::from_millis(10);

/// Returns the keys of the inboxes of so many people, and of their subscriptions.
fn keys(people: usize) -> Vec<String> {
    let of_people = (0..people).map(|number| format!("app!inbox:{{user%3Ap{number}}}"));
    let index = "app!subscribers:{wiki.edit?language=de}".to_owned();
    of_people.chain([index]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_reaches_each_subscriber_once_while_slots_move() {
    let cluster = Arc::new(Cluster::start(3, 0));
    let salver = cluster_handle(&cluster);
    for number in 0..PEOPLE {
        let subscribe = async || salver.subscribe(&person(number), edits()).await.map(drop);
        until_accepted(subscribe).await;
    }
    let (slots, slow_slots) = (by_profile(100, 600), by_profile(10, 100));
    let moving = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || cluster.move_slots(slots, &keys(slow_slots), PAUSE)
    });
    let (mut events, mut errors) = (0, 0);
    while !moving.is_finished() && events < 90 {
        errors += until_accepted(async || salver.publish(edit(events)).await).await;
        // A fan-out that fails goes on after the moves.
        errors += usize::from(salver.worker().events().drain().await.is_err());
        events += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    moving.await.unwrap();
    let moved = Instant::now();
    drain_with_retries(&salver, &salver.worker().events()).await;
    let recovery = moved.elapsed();
    let verdict = verdict(&salver, 0..PEOPLE, 0..events).await;
    let more = format!(
        "events={events} moved={} slow_slots={slow_slots} errors={errors}",
        slots * 3
    );
    report(
        "events_cluster_slots_move",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}

/// Starts a Cluster whose servers keep their data, and serve it while another one is gone.
fn durable_cluster() -> Cluster {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let serves = ["--cluster-require-full-coverage", "no"];
    Cluster::start_with(3, 0, &[&options[..], &serves].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_waits_for_a_primary_that_is_gone() {
    let mut cluster = durable_cluster();
    let salver = cluster_handle(&cluster);
    for number in 0..PEOPLE {
        let subscribe = async || salver.subscribe(&person(number), edits()).await.map(drop);
        until_accepted(subscribe).await;
    }
    let is_on_gone = |number: &usize| {
        let key = format!("app!inbox:{{user%3Ap{number}}}");
        cluster.primary_of(&cluster.nodes[0], &key) == GONE
    };
    let on_gone = (0..PEOPLE).filter(is_on_gone).count();
    // Closed while the fan-out has begun and the primary is not gone yet.
    let gate = Arc::new(Semaphore::new(0));
    let (renders, opened) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&gate));
    let rendered = Arc::clone(&renders);
    let worker = salver.worker().render(&EDIT, move |event, _| {
        rendered.fetch_add(1, Ordering::SeqCst);
        let opened = Arc::clone(&opened);
        async move {
            let _permit = opened.acquire().await?;
            let number: usize = event.get_data()?;
            Ok(Message::info(format!("Revision {number}.")))
        }
    });
    let running = worker.start().unwrap();
    let (kills, mut errors, mut recovery) = (by_profile(1, 10), 0, Duration::ZERO);
    for event in 0..kills {
        let before = renders.load(Ordering::SeqCst);
        errors += until_accepted(async || salver.publish(edit(event)).await).await;
        let has_begun = async || (renders.load(Ordering::SeqCst) > before).then_some(());
        eventually("the fan-out begins", has_begun).await;
        cluster.nodes[GONE].kill();
        gate.add_permits(PEOPLE);
        // Attempts fail meanwhile.
        tokio::time::sleep(OUTAGE).await;
        cluster.nodes[GONE].restart();
        let restarted = Instant::now();
        wait_until_done(&salver).await;
        recovery = recovery.max(restarted.elapsed());
        gate.forget_permits(PEOPLE);
    }
    running.stop().await;
    let verdict = verdict(&salver, 0..PEOPLE, 0..kills).await;
    let more = format!("kills={kills} on_gone={on_gone} errors={errors}");
    report(
        "events_cluster_primary_gone",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}
