//! A worker is paused in a fan-out for longer than its lease, and another one ends it.

use std::time::{Duration, Instant};

use super::scene::{LEASE, Progress, edit, inboxes, report, subscribe, wait_until_done};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::WorkerProcess;

const PEOPLE: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_that_is_paused_in_a_fan_out_notifies_none_twice() {
    let (mut verdict, mut recovery) = (Verdict::default(), Duration::ZERO);
    for _ in 0..by_profile(1, 20) {
        let (scene, smtp) = (Inboxes::redis_with_clock(), SmtpServer::start());
        let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
        subscribe(salver, 0..PEOPLE).await;
        salver.publish(edit(0)).await.unwrap();
        let progress = Progress::begin(&scene);
        let paused = WorkerProcess::start(&server.url(), &smtp);
        progress.wait_for(PEOPLE / 10).await;
        paused.signal("STOP");
        scene.advance(LEASE);
        let started = Instant::now();
        let other = WorkerProcess::start(&server.url(), &smtp);
        progress
            .wait_for((progress.inboxes() + 1).min(PEOPLE))
            .await;
        recovery = recovery.max(started.elapsed());
        paused.signal("CONT");
        wait_until_done(salver).await;
        paused.stop();
        other.stop();
        let (notified, notifications) = inboxes(server);
        verdict.n += PEOPLE;
        verdict.received += notified;
        verdict.lost += PEOPLE - notified;
        verdict.twice += notifications - notified;
    }
    let none = (Duration::ZERO, recovery);
    report("events_worker_paused", verdict, none, String::new());
}
