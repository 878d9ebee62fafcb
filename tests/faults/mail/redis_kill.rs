//! Redis is killed while a site notifies and a worker sends mails, and starts again with its append-only file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scene::{DAY, KINDS, LEASE, Notified, Scene};
use crate::support::eventually;
use crate::support::profile::by_profile;
use crate::support::redis::Server;

/// Kills while the site notifies, and while the worker sends digests.
const KILLS: [usize; 2] = [3, 2];
/// Mails that a worker sends before each kill.
const MAILS: usize = 5;
/// The jobs that one worker attempts at the same time.
const CONCURRENCY: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof_loses_no_mails() {
    let [kills, digest_kills] = KILLS.map(|kills| kills * by_profile(1, 20));
    let mut scene = Scene::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut server = scene.inboxes.server.take().unwrap();
    let scene = Arc::new(scene);
    let (mut notified, mut recovery) = (Notified::default(), Duration::ZERO);
    let (part, mut worker) = (60, scene.worker());
    for round in 0..kills {
        let notifying = tokio::spawn({
            let scene = Arc::clone(&scene);
            async move { notify(&scene, round * part, part).await }
        });
        scene.wait_for_mails(scene.smtp.count() + MAILS).await;
        let recovered = kill(&mut server, &scene).await;
        recovery = recovery.max(recovered);
        notified = notified.and(&notifying.await.unwrap());
    }
    worker.stop();
    // The leases of claims whose replies were lost end.
    scene.drain_until(kills * part, LEASE).await;
    worker = scene.worker();
    scene.inboxes.advance(DAY);
    for _ in 0..digest_kills {
        scene.wait_for_mails(scene.smtp.count() + MAILS).await;
        let recovered = kill(&mut server, &scene).await;
        recovery = recovery.max(recovered);
    }
    worker.stop();
    scene.finish().await;
    assert!(
        notified.errors > 0,
        "no call failed although Redis was killed"
    );
    let kills = kills + digest_kills;
    let more = format!("kills={kills} errors={}", notified.errors);
    let again = scene.report("mail_redis_kill", (notified.worst_wait, recovery), more);
    assert!(again <= kills * CONCURRENCY, "{again} repeats");
}

async fn notify(scene: &Scene, first: usize, people: usize) -> Notified {
    let mut notified = Notified::default();
    for kind in KINDS {
        let people = first..first + people;
        notified = notified.and(&scene.notify(kind, people).await);
    }
    notified
}

/// Kills Redis. Returns the time from its restart to the next mail.
async fn kill(server: &mut Server, scene: &Scene) -> Duration {
    server.kill();
    server.restart();
    let (restarted, mails) = (Instant::now(), scene.smtp.count());
    let deliveries = scene.inboxes.salver.deliveries();
    eventually("the handle of the test is connected again", async || {
        deliveries.counts().await.ok()
    })
    .await;
    scene.wait_for_mails(mails + 1).await;
    restarted.elapsed()
}
