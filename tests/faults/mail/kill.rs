//! Workers are killed while they send mails. The others send what is missing, and repeat a mail with its id and
//! content.

use std::time::{Duration, Instant};

use super::scene::{DAY, KINDS, Kind, LEASE, Scene};
use crate::support::eventually;
use crate::support::profile::by_profile;

/// A job whose attempts are killed five times is dead.
const KILLS: usize = 4;
/// The digests that a worker plans before it is killed.
const PLANNED: u64 = 100;
/// The jobs that one worker attempts at the same time.
const CONCURRENCY: usize = 16;

#[tokio::test]
async fn killed_worker_forgets_no_mail_and_another_repeats_it_with_its_id() {
    for kind in KINDS {
        check(kind).await;
    }
}

async fn check(kind: Kind) {
    let (scene, people) = (Scene::start(), by_profile(500, 20_000));
    scene.notify(kind, 0..people).await;
    let mut worker = scene.worker();
    if kind == Kind::Digest {
        // In the middle of the jobs that decide when the digests are sent.
        eventually("some digests are planned", async || {
            let later = scene.counts().await.later;
            (later >= PLANNED).then_some(())
        })
        .await;
        worker.kill();
        scene.inboxes.advance(LEASE);
        worker = scene.worker();
        scene.wait_for_later(people).await;
        scene.inboxes.advance(DAY);
    }
    let mut recovery = Duration::ZERO;
    for kill in 1..=KILLS {
        scene.wait_for_mails(people * kill / (KILLS + 1)).await;
        worker.kill();
        let killed = Instant::now();
        scene.inboxes.advance(LEASE);
        worker = scene.worker();
        let mails = scene.smtp.count();
        scene.wait_for_mails(mails + 1).await;
        recovery = recovery.max(killed.elapsed());
    }
    scene.wait_for_mails(people).await;
    worker.stop();
    scene.finish().await;
    let test = match kind {
        Kind::AtOnce => "mail_worker_kill",
        Kind::Digest => "mail_worker_kill_digest",
    };
    let more = format!("kills={KILLS}");
    let again = scene.report(test, (Duration::ZERO, recovery), more);
    assert!(again <= KILLS * CONCURRENCY, "{again} repeats");
}
