//! Redis is killed while people subscribe, events are published and a worker fans them out. It has an append-only file.

use std::time::{Duration, Instant};

use super::scene::{LEASE, edit, edits, inboxes, person, report, until_accepted};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::WorkerProcess;
use crate::support::{eventually, eventually_within};

const PEOPLE: usize = 2_000;
const KILLS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof_loses_no_event() {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut scene = Inboxes::redis_with_clock_and_options(|builder| builder, &options);
    let mut server = scene.server.take().unwrap();
    let (salver, smtp) = (&scene.salver, SmtpServer::start());
    let (mut errors, mut recovery) = (0, Duration::ZERO);
    let kills = by_profile(KILLS, 20 * KILLS);
    let subscribing = futures_util::future::join_all((0..PEOPLE).map(|number| async move {
        until_accepted(async || salver.subscribe(&person(number), edits()).await.map(drop)).await
    }));
    errors += subscribing.await.iter().sum::<usize>();
    let worker = WorkerProcess::start(&server.url(), &smtp);
    for kill in 0..kills {
        let publishing = until_accepted(async || salver.publish(edit(kill)).await);
        let (failed, restarted) = tokio::join!(publishing, async {
            if kill > 0 {
                wait_for_notifications(&scene, &server, kill * PEOPLE + 1 - PEOPLE + PEOPLE / 10)
                    .await;
            }
            server.kill();
            server.restart();
            Instant::now()
        });
        errors += failed;
        eventually("the handle of the test is connected again", async || {
            salver.deliveries().counts().await.ok()
        })
        .await;
        scene.advance(LEASE);
        wait_for_notifications(&scene, &server, kill * PEOPLE + 1).await;
        recovery = recovery.max(restarted.elapsed());
    }
    // Leases of claims whose replies were lost end, and the delays of attempts that failed.
    for _ in 0..20 {
        scene.advance(LEASE);
        let counts = salver.deliveries().counts().await.unwrap();
        if counts.due + counts.later == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    eventually("all events are fanned out", async || {
        scene.advance(LEASE);
        let counts = salver.deliveries().counts().await.ok()?;
        (counts.due + counts.later == 0).then_some(())
    })
    .await;
    worker.stop();
    let (notified, notifications) = inboxes(&server);
    let n = kills * PEOPLE;
    let verdict = Verdict {
        n,
        received: notifications.min(n),
        lost: n.saturating_sub(notifications),
        twice: notifications.saturating_sub(n),
        ..Verdict::default()
    };
    assert_eq!(notified, PEOPLE);
    let more = format!("kills={kills} errors={errors}");
    report(
        "events_redis_kill",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}

/// A step that the store has interrupted waits for a second by its clock, which the test moves.
async fn wait_for_notifications(scene: &Inboxes, server: &Server, number: usize) {
    eventually_within(PATIENCE, "notifications", async || {
        scene.advance(Duration::from_secs(1));
        (inboxes(server).1 >= number).then_some(())
    })
    .await;
}
