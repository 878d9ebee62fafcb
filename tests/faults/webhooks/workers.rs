//! Workers are killed and paused while they fan out events and deliver them. The others deliver what is missing, and repeat
//! a delivery with its id.

use std::time::{Duration, Instant};

use salver::events::Event;
use salver::jobs::DeliveryState;
use salver::webhooks::MAX_IN_FLIGHT;

use super::scene::{LEASE, Scene, expected, publish, report, verdict};
use crate::faults::events::scene::wait_until_done;
use crate::support::eventually;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::Reply;
use crate::support::webhooks::register;
use crate::support::worker_process::WorkerProcess;

/// A job whose attempts are killed five times is dead.
const KILLS: usize = 4;
const ENDPOINTS: usize = 4;
/// Longer than the test, so that the worker sends no command but those of its attempts.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// The answers that a paused worker gets when it continues: it records success, a failure, and a delivery that is dead.
const LATE_ANSWERS: [u16; 3] = [204, 500, 410];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_no_webhook_and_others_repeat_it_with_its_id() {
    let events = by_profile(60, 3_000);
    let (scene, mut recovery) = (Scene::start(), Duration::ZERO);
    let (paths, salver) = (scene.register(ENDPOINTS).await, &scene.inboxes.salver);
    publish(salver, 0..events).await;
    let (all, mut worker) = (events * ENDPOINTS, scene.worker());
    for kill in 1..=KILLS {
        scene.wait_for(all * kill / (KILLS + 1)).await;
        worker.kill();
        let killed = Instant::now();
        scene.inboxes.advance(LEASE);
        worker = scene.worker();
        scene.wait_for(scene.receiver.count() + 1).await;
        recovery = recovery.max(killed.elapsed());
    }
    wait_until_done(salver).await;
    worker.stop();
    let verdict = verdict(&scene.receiver.deliveries(), &expected(&paths, 0..events));
    let again = verdict.again;
    report(
        "webhooks_worker_kill",
        verdict,
        recovery,
        format!("kills={KILLS}"),
    );
    assert!(
        again <= KILLS * ENDPOINTS * MAX_IN_FLIGHT,
        "{again} repeats"
    );
}

#[derive(Clone, Copy)]
enum Stop {
    /// The connection is reset instead of the answer.
    AnswerLost,
    /// The worker is killed while it waits for the answer.
    KilledBeforeAnswer,
    /// The worker is killed after the answer, while Redis executes no commands.
    KilledAfterAnswer,
}

const STOPS: [Stop; 3] = [
    Stop::AnswerLost,
    Stop::KilledBeforeAnswer,
    Stop::KilledAfterAnswer,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_whose_answer_is_not_recorded_is_repeated_with_its_id() {
    let scene = Scene::start();
    let (paths, mut events) = (scene.register(ENDPOINTS).await, 0);
    for _ in 0..by_profile(1, 20) {
        for stop in STOPS {
            deliver_unnoticed(&scene, &paths, stop, events).await;
            events += 1;
            assert_eq!(scene.receiver.count(), 2 * events * ENDPOINTS);
        }
    }
    let verdict = verdict(&scene.receiver.deliveries(), &expected(&paths, 0..events));
    let again = verdict.again;
    let more = format!("stops={}", STOPS.len());
    report("webhooks_answer_lost", verdict, Duration::ZERO, more);
    assert_eq!(again, events * ENDPOINTS, "each delivery is repeated once");
}

/// Delivers an event whose answers are not recorded, and then delivers it again.
async fn deliver_unnoticed(scene: &Scene, paths: &[String], stop: Stop, event: usize) {
    let (salver, receiver, name) = (&scene.inboxes.salver, &scene.receiver, event.to_string());
    let reply = match stop {
        Stop::AnswerLost => Reply::reset(),
        Stop::KilledBeforeAnswer | Stop::KilledAfterAnswer => Reply::held(&name),
    };
    for path in paths {
        receiver.set_replies(path, &[reply.clone(), Reply::status(204)]);
    }
    publish(salver, event..event + 1).await;
    salver.worker().events().drain().await.unwrap();
    let before = receiver.count();
    let worker = WorkerProcess::delivering(scene.redis(), POLL_INTERVAL);
    scene.wait_for(before + ENDPOINTS).await;
    match stop {
        Stop::AnswerLost => {
            eventually("the failures are recorded", async || {
                let deliveries = salver.deliveries();
                let waiting = deliveries.list(DeliveryState::Waiting, None);
                let waiting = waiting.await.unwrap();
                let failed = waiting.iter().filter(|one| !one.attempts.is_empty());
                (failed.count() == ENDPOINTS).then_some(())
            })
            .await;
            worker.stop();
        }
        Stop::KilledBeforeAnswer => worker.kill(),
        Stop::KilledAfterAnswer => {
            let _: String = scene
                .server()
                .run(&[b"CLIENT", b"PAUSE", b"600000", b"WRITE"]);
            for path in paths {
                receiver.release(path, &name, Reply::status(204));
            }
            // The worker records that it has delivered.
            scene.server().wait_for_blocked(true).await;
            worker.kill();
            scene.server().wait_for_blocked(false).await;
            let _: String = scene.server().run(&[b"CLIENT", b"UNPAUSE"]);
        }
    }
    scene.inboxes.advance(LEASE);
    let worker = scene.worker();
    scene.wait_for(before + 2 * ENDPOINTS).await;
    wait_until_done(salver).await;
    worker.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_worker_changes_no_outcome_of_another_worker() {
    let (scene, mut paths) = (Scene::start(), Vec::new());
    for round in 0..by_profile(1, 20) {
        for answer in LATE_ANSWERS {
            for is_other_done in [true, false] {
                let name = format!("{round}-{answer}-{is_other_done}");
                paths.extend(pause(&scene, &name, answer, is_other_done).await);
            }
        }
    }
    let mut expected = expected(&paths, 0..1);
    for (path, events) in &mut expected {
        // Each case has a type and an event of its own.
        *events = [path
            .rsplit_once('/')
            .unwrap()
            .0
            .trim_start_matches('/')
            .to_owned()]
        .into();
    }
    let verdict = verdict(&scene.receiver.deliveries(), &expected);
    let again = verdict.again;
    report(
        "webhooks_worker_paused",
        verdict,
        Duration::ZERO,
        String::new(),
    );
    assert_eq!(
        again,
        paths.len(),
        "each of the workers delivers each event"
    );
}

/// Pauses a worker whose deliveries get this answer after another worker has delivered them, or while it delivers them.
/// Returns the paths of the endpoints.
async fn pause(scene: &Scene, name: &str, answer: u16, is_other_done: bool) -> Vec<String> {
    let (salver, receiver) = (&scene.inboxes.salver, &scene.receiver);
    let paths: Vec<_> = (0..ENDPOINTS)
        .map(|number| format!("/{name}/{number}"))
        .collect();
    let second = match is_other_done {
        true => Reply::status(204),
        false => Reply::held("second"),
    };
    for path in &paths {
        register(salver, receiver, path, |endpoint| endpoint.types([name])).await;
        receiver.set_replies(path, &[Reply::held("first"), second.clone()]);
    }
    salver.publish(Event::new(name).id(name)).await.unwrap();
    salver.worker().events().drain().await.unwrap();
    let before = receiver.count();
    let paused = scene.worker();
    scene.wait_for(before + ENDPOINTS).await;
    paused.signal("STOP");
    scene.inboxes.advance(LEASE);
    let other = scene.worker();
    scene.wait_for(before + 2 * ENDPOINTS).await;
    if is_other_done {
        wait_until_done(salver).await;
    }
    for path in &paths {
        receiver.release(path, "first", Reply::status(answer));
    }
    paused.signal("CONT");
    // It ends when its attempts are recorded.
    paused.stop();
    // A success counts from any worker. Otherwise the delivery is that of the other one.
    let is_done = is_other_done || answer == 204;
    let leased = if is_done { 0 } else { ENDPOINTS as u64 };
    eventually(
        "the reports about the endpoints are fanned out",
        async || {
            let counts = salver.deliveries().counts().await.unwrap();
            assert_eq!(counts.dead, 0, "{name}");
            ((counts.due, counts.later) == (0, leased)).then_some(())
        },
    )
    .await;
    if !is_other_done {
        for path in &paths {
            receiver.release(path, "second", Reply::status(204));
        }
        wait_until_done(salver).await;
    }
    other.stop();
    paths
}
