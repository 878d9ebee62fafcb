//! Workers are killed while they fan out an event to many people, of whom some change their subscriptions.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use super::scene::{
    LEASE, Progress, edit, edits, inboxes, notified, person, report, wait_until_done,
};
use crate::support::bulk_subscriptions::subscribe;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::WorkerProcess;

/// A job whose attempts are killed five times without an outcome is dead.
const KILLS: usize = 4;
/// Of so many people one unsubscribes, one subscribes again, and one is new, while the event is fanned out.
const CHANGES: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_tell_each_who_stays_once_while_others_change() {
    let people = by_profile(100_000, 1_000_000);
    let (scene, smtp) = (Inboxes::redis_with_clock(), SmtpServer::start());
    let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
    let url = server.url();
    subscribe(server, 0..people, "wiki.edit", ("language", "de"));
    salver.publish(edit(0)).await.unwrap();
    let started = Instant::now();
    let progress = Progress::begin(&scene);
    let mut worker = WorkerProcess::start(&url, &smtp);
    progress.wait_for(people / 100).await;
    let changing = change(salver, people);
    let killing = async {
        let mut recovery = Duration::ZERO;
        for kill in 1..=KILLS {
            progress.wait_for(people * kill / (KILLS + 2)).await;
            worker.kill();
            let killed = Instant::now();
            scene.advance(LEASE);
            worker = WorkerProcess::start(&url, &smtp);
            progress.wait_for(progress.inboxes() + CHANGES).await;
            recovery = recovery.max(killed.elapsed());
        }
        progress.wait_for(people * 19 / 20).await;
        wait_until_done(salver).await;
        worker.stop();
        recovery
    };
    let (recovery, ()) = tokio::join!(killing, changing);
    let seconds = started.elapsed().as_secs_f64();

    let changed = people / CHANGES;
    let stayers = (0..people).filter(|number| number % CHANGES > 1).count();
    let (notified_people, notifications) = inboxes(server);
    // Each who was notified was notified once.
    let mut verdict = Verdict {
        n: stayers,
        twice: notifications - notified_people,
        ..Verdict::default()
    };
    let (mut leavers, mut newcomers) = (0, 0);
    for number in 0..changed {
        for leaver in [number * CHANGES, number * CHANGES + 1] {
            leavers += notified(salver, &person(leaver)).await.len();
        }
        newcomers += notified(salver, &person(people + number)).await.len();
    }
    verdict.received = notified_people - leavers - newcomers;
    verdict.lost = stayers - verdict.received;
    assert!(
        (1..2 * changed).contains(&leavers),
        "{leavers} of {} who changed",
        2 * changed
    );
    let more = format!(
        "kills={KILLS} changed={} leavers_notified={leavers} newcomers_notified={newcomers} seconds={seconds:.0}",
        3 * changed
    );
    report(
        "events_worker_kill",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}

/// Changes the subscriptions of some people.
async fn change(salver: &salver::Salver, people: usize) {
    let changes = stream::iter(0..people / CHANGES).map(|number| async move {
        let leaver = person(number * CHANGES);
        salver.unsubscribe(&leaver, &edits()).await.unwrap();
        let returning = person(number * CHANGES + 1);
        salver.unsubscribe(&returning, &edits()).await.unwrap();
        salver.subscribe(&returning, edits()).await.unwrap();
        salver
            .subscribe(&person(people + number), edits())
            .await
            .unwrap();
    });
    changes.buffer_unordered(8).collect::<Vec<()>>().await;
}
