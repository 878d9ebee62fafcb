//! Streams of open pages while slots move between the primaries of a Cluster, and while one of them is
//! lost.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::Salver;

use crate::support::cluster::{Cluster, cluster_store};
use crate::support::cluster_streams::{
    StreamSite, VIEW, VISITORS, assert_each_has_a_visitor, context, other_process, visitor,
    wait_until_tracked,
};
use crate::support::event_stream::{EventStream, confirm_request};
use crate::support::eventually_within;
use crate::support::history::{History, Row};
use crate::support::profile::by_profile;
use crate::support::redis::tracking_connections;

/// Messages for each visitor whose primary is lost.
const ADDS: usize = 5;
/// How long an add is repeated: longer than a replica needs to take over.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after each key of a slot that moves slowly.
const PAUSE: Duration = Duration::from_millis(10);

/// Open streams whose messages are recorded and confirmed.
struct Scene {
    streams: Rc<StreamSite>,
    other: Salver,
    history: History,
}

impl Scene {
    /// Opens a stream of each visitor, and waits until none polls.
    async fn start(cluster: &Cluster, primaries: usize) -> Self {
        let scene = Self {
            streams: Rc::new(StreamSite::start(cluster_store(cluster))),
            other: other_process(cluster),
            history: History::default(),
        };
        for (number, events) in scene.streams.open_all().await.into_iter().enumerate() {
            let (streams, history) = (Rc::clone(&scene.streams), scene.history.clone());
            actix_web::rt::spawn(read(streams, number, events, history));
        }
        scene.streams.wait_until_idle().await;
        wait_until_tracked(&cluster.nodes[..primaries]).await;
        scene
    }

    /// Adds a message for a visitor, and repeats the call until it succeeds. Returns how often it
    /// failed, and how long it took.
    async fn add(&self, number: usize) -> (usize, Duration) {
        let context = context(number);
        let message = self.history.message(&context);
        let (mut errors, started) = (0, Instant::now());
        while let Err(error) = self.other.add(&context, message.clone()).await {
            let is_expected = error.is_unavailable() || error.is_in_doubt();
            assert!(is_expected && started.elapsed() < PATIENCE, "{error:?}");
            errors += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.history.record_acknowledged(&message);
        (errors, started.elapsed())
    }

    /// Waits until all messages have arrived. Returns how long it took.
    async fn wait_until_received(&self) -> Duration {
        let started = Instant::now();
        eventually_within(PATIENCE, "all messages arrive", async || {
            let verdict = self.history.verdict(&Default::default());
            (verdict.lost == 0).then_some(())
        })
        .await;
        started.elapsed()
    }

    fn report(
        &self,
        test: &'static str,
        (worst_wait, recovery): (Duration, Duration),
        more: String,
    ) {
        Row {
            test,
            verdict: self.history.verdict(&Default::default()),
            worst_wait,
            recovery,
            more,
        }
        .report();
    }
}

/// Records and confirms the messages of a stream.
async fn read(streams: Rc<StreamSite>, number: usize, mut events: EventStream, history: History) {
    while let Some(event) = events.next().await {
        history.record_received(&context(number), &event.text());
        let id = event.message_id();
        // A message is sent again after a confirm that fails.
        let confirm = confirm_request(&streams.site, &visitor(number), VIEW, &[&id]);
        drop(confirm.send().await);
    }
}

/// What is added while slots move arrives. Afterwards the primaries that have the slots report changes,
/// also one that has joined.
#[actix_web::test]
async fn streams_lose_nothing_while_slots_move() {
    let mut cluster = Cluster::start(3, 0);
    assert_each_has_a_visitor(&cluster, 0..3);
    let scene = Scene::start(&cluster, 3).await;
    cluster.add_primary(&[]);
    let cluster = Arc::new(cluster);
    let slots = by_profile(50, 600);
    let keys: Vec<_> = (0..VISITORS).map(|number| context(number).key()).collect();
    let moving = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || cluster.move_slots(slots, &keys, PAUSE)
    });
    let (mut errors, mut worst_wait) = (0, Duration::ZERO);
    while !moving.is_finished() {
        for (failed, wait) in join_all((0..VISITORS).map(|number| scene.add(number))).await {
            errors += failed;
            worst_wait = worst_wait.max(wait);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    moving.await.unwrap();
    let recovery = scene.wait_until_received().await;
    scene.streams.wait_until_idle().await;
    assert_each_has_a_visitor(&cluster, 1..4);
    wait_until_tracked(&cluster.nodes).await;
    join_all((0..VISITORS).map(|number| scene.add(number))).await;
    scene.wait_until_received().await;
    let more = format!("moved={} slow_slots={VISITORS} errors={errors}", slots * 3);
    scene.report("streams_slots_move", (worst_wait, recovery), more);
}

/// While a primary is lost, the others report changes. Once its replica has taken over, that one does.
#[actix_web::test]
async fn streams_continue_when_the_replica_of_a_lost_primary_has_taken_over() {
    for signal in ["KILL", "STOP"] {
        lose_primary(signal).await;
    }
}

async fn lose_primary(signal: &str) {
    let cluster = Arc::new(Cluster::replicated());
    assert_each_has_a_visitor(&cluster, 0..3);
    let scene = Scene::start(&cluster, 3).await;
    let of_visitor =
        |number: &usize| cluster.primary_of(&cluster.nodes[1], &context(*number).key());
    let (affected, others): (Vec<_>, Vec<_>) =
        (0..VISITORS).partition(|number| of_visitor(number) == 0);
    cluster.nodes[0].signal(signal);
    join_all(others.iter().map(|number| scene.add(*number))).await;
    scene.wait_until_received().await;
    let adding = affected.iter().map(|number| {
        let (scene, number) = (&scene, *number);
        async move {
            let mut errors = 0;
            for _ in 0..ADDS {
                errors += scene.add(number).await.0;
            }
            errors
        }
    });
    let taking_over = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let cluster = Arc::clone(&cluster);
        let taking_over = move || cluster.take_over(&cluster.nodes[0]);
        tokio::task::spawn_blocking(taking_over).await.unwrap();
        Instant::now()
    };
    let (errors, taken_over) = futures_util::join!(join_all(adding), taking_over);
    scene.wait_until_received().await;
    let recovery = taken_over.elapsed();
    // The reports of the new primary, not polls, bring what is added now.
    scene.streams.wait_until_idle().await;
    let primary = of_visitor(&affected[0]);
    assert_eq!(tracking_connections(&cluster.nodes[primary]).len(), 1);
    join_all((0..VISITORS).map(|number| scene.add(number))).await;
    scene.wait_until_received().await;
    let more = format!("how={signal} errors={}", errors.iter().sum::<usize>());
    scene.report("streams_primary_gone", (Duration::ZERO, recovery), more);
}
