//! Redis is killed, comes back empty, or refuses writes while events are published and delivered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salver::webhooks::{Endpoint, MAX_IN_FLIGHT};

use super::scene::{LEASE, Scene, expected, publish, register_fast, report, verdict};
use crate::faults::inbox::add_up;
use crate::support::eventually;
use crate::support::history::Verdict;
use crate::support::profile::by_profile;
use crate::support::refusals::{REFUSALS, Refusal};
use crate::support::webhook_receiver::Reply;
use crate::support::webhooks::{deliver, order_paid};

const KILLS: usize = 4;
const ENDPOINTS: usize = 4;
/// Events that are published around each kill.
const EVENTS: usize = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof_loses_no_webhook() {
    let mut scene = Scene::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut server = scene.inboxes.server.take().unwrap();
    let (paths, salver) = (scene.register(ENDPOINTS).await, &scene.inboxes.salver);
    let (worker, kills) = (scene.worker(), by_profile(KILLS, 20 * KILLS));
    let (mut errors, mut recovery) = (0, Duration::ZERO);
    for kill in 0..kills {
        let arrived = scene.receiver.count();
        let (failed, restarted) =
            tokio::join!(publish(salver, kill * EVENTS..(kill + 1) * EVENTS), async {
                scene.wait_for(arrived + EVENTS * ENDPOINTS / 4).await;
                server.kill();
                server.restart();
                Instant::now()
            });
        errors += failed;
        eventually("the handle of the test is connected again", async || {
            salver.deliveries().counts().await.ok()
        })
        .await;
        // The leases of claims whose replies were lost end.
        scene.inboxes.advance(LEASE);
        scene.wait_for(scene.receiver.count() + 1).await;
        recovery = recovery.max(restarted.elapsed());
    }
    worker.stop();
    scene.finish().await;
    let verdict = verdict(
        &scene.receiver.deliveries(),
        &expected(&paths, 0..kills * EVENTS),
    );
    let more = format!("kills={kills} errors={errors}");
    report("webhooks_redis_kill", verdict, recovery, more);
}

/// Endpoints and events are lost. An endpoint that is registered again has its secret, and an event that is published
/// again has the id of its delivery.
#[tokio::test]
async fn emptied_redis_forgets_webhooks_and_repeated_ones_keep_their_ids() {
    const LOST: usize = 10;
    let (mut total, mut stated_loss, mut recovery) = (Verdict::default(), 0, Duration::ZERO);
    for _ in 0..by_profile(1, 20) {
        let mut scene = Scene::start();
        let mut server = scene.inboxes.server.take().unwrap();
        let (salver, receiver) = (&scene.inboxes.salver, &scene.receiver);
        let endpoint = Endpoint::new(receiver.url("/hook")).rate(60_000);
        let (_, secret) = salver.endpoints().add(endpoint.clone()).await.unwrap();
        receiver.set_secrets("/hook", &[&secret]);
        publish(salver, 0..MAX_IN_FLIGHT).await;
        deliver(salver).await;
        assert_eq!(receiver.count(), MAX_IN_FLIGHT);
        let events = MAX_IN_FLIGHT + LOST;
        publish(salver, MAX_IN_FLIGHT..events).await;
        salver.worker().events().drain().await.unwrap();
        server.kill();
        server.restart();
        let restarted = Instant::now();
        let listed = eventually("the handle is connected again", async || {
            salver.endpoints().list().await.ok()
        });
        assert!(listed.await.is_empty());
        scene.finish().await;
        stated_loss += events - receiver.count();
        // Without its endpoint.
        publish(salver, events..events + 1).await;
        scene.finish().await;
        assert_eq!(receiver.count(), MAX_IN_FLIGHT);
        let (_, again) = salver.endpoints().add(endpoint).await.unwrap();
        assert_eq!(again, secret);
        publish(salver, 0..events).await;
        publish(salver, events + 1..events + 2).await;
        scene.finish().await;
        recovery = recovery.max(restarted.elapsed());
        let mut expected = expected(&["/hook".to_owned()], 0..events + 2);
        let events_of_hook = expected.get_mut("/hook").unwrap();
        assert!(events_of_hook.remove(&events.to_string()));
        add_up(&mut total, &verdict(&receiver.deliveries(), &expected));
    }
    let more = format!("stated_loss={stated_loss}");
    report("webhooks_redis_emptied", total, recovery, more);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_refuses_writes_delays_webhooks_and_repeats_none() {
    let (mut total, mut recovery) = (Verdict::default(), Duration::ZERO);
    for _ in 0..by_profile(1, 20) {
        for refusal in REFUSALS {
            let scene = Arc::new(Scene::start());
            let (row, accepted) = refuse_writes(&scene, refusal).await;
            recovery = recovery.max(accepted);
            add_up(&mut total, &row);
        }
    }
    let (again, more) = (total.again, format!("refusals={}", REFUSALS.len()));
    report("webhooks_refused", total, recovery, more);
    assert_eq!(again, 0, "deliveries that were repeated");
}

/// Refuses writes while some deliveries are in flight and others wait. Returns what has arrived in the end, and the time
/// from the end of the refusal until then.
async fn refuse_writes(scene: &Arc<Scene>, refusal: Refusal) -> (Verdict, Duration) {
    let (salver, receiver, server) = (&scene.inboxes.salver, &scene.receiver, scene.server());
    register_fast(salver, receiver, "/hook").await;
    let held = vec![Reply::held("first"); MAX_IN_FLIGHT];
    receiver.set_replies("/hook", &[held, vec![Reply::status(204)]].concat());
    let events = 3 * MAX_IN_FLIGHT;
    publish(salver, 0..events).await;
    let delivering = tokio::spawn({
        let scene = Arc::clone(scene);
        async move {
            let worker = scene.inboxes.salver.worker().webhooks();
            // A claim that is refused ends it.
            while worker.drain().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    scene.wait_for(MAX_IN_FLIGHT).await;
    refusal.begin(server).await;
    let before = server.refused_commands();
    receiver.release("/hook", "first", Reply::status(204));
    eventually("a command of the worker is refused", async || {
        (server.refused_commands() > before).then_some(())
    })
    .await;
    for number in events..events + 2 {
        let error = salver.publish(order_paid(&number.to_string())).await;
        refusal.assert_refused(&error.unwrap_err());
    }
    refusal.end(server);
    let accepted = Instant::now();
    publish(salver, events..events + 2).await;
    delivering.await.unwrap();
    scene.finish().await;
    let expected = expected(&["/hook".to_owned()], 0..events + 2);
    (
        verdict(&receiver.deliveries(), &expected),
        accepted.elapsed(),
    )
}
