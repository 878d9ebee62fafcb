//! A server that refuses writes: out of memory, a replica, a failed snapshot. Mails wait until it accepts them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salver::Recipient;

use super::scene::{Kind, Scene};
use crate::faults::inbox::add_up;
use crate::support::eventually;
use crate::support::history::{Row, Verdict};
use crate::support::processes::free_port;
use crate::support::profile::by_profile;
use crate::support::redis::Server;
use crate::support::worker_process::{AT_ONCE, mail_settings};

/// Connections of a worker to the SMTP server: so many mails are on their way at the same time.
const CONNECTIONS: usize = 4;
/// The people of each refusal.
const PEOPLE: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    OutOfMemory,
    Replica,
    FailedSnapshot,
}

const REFUSALS: [Refusal; 3] = [
    Refusal::OutOfMemory,
    Refusal::Replica,
    Refusal::FailedSnapshot,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_writes_delay_mails_and_lose_none() {
    let (mut total, mut recovery) = (Verdict::default(), Duration::ZERO);
    for _ in 0..by_profile(1, 20) {
        for refusal in REFUSALS {
            let scene = Arc::new(Scene::start());
            recovery = recovery.max(refuse_writes(&scene, refusal).await);
            let verdict = scene.history.verdict(&scene.smtp.mails());
            println!(
                "REFUSED {refusal:?} n={} again={}",
                verdict.n, verdict.again
            );
            add_up(&mut total, &verdict);
        }
    }
    let again = total.again;
    Row {
        test: "mail_refused",
        verdict: total,
        recovery,
        more: format!("refusals={}", REFUSALS.len()),
        ..Row::default()
    }
    .report();
    assert_eq!(again, 0, "mails that were sent again");
}

/// Refuses writes while mails are on their way and others wait. Returns the time from the end of the refusal to the
/// last mail that waited.
async fn refuse_writes(scene: &Arc<Scene>, refusal: Refusal) -> Duration {
    scene.notify(Kind::Digest, 0..PEOPLE).await;
    scene.plan_digests(Kind::Digest).await;
    scene.notify(Kind::AtOnce, 0..PEOPLE).await;
    scene.smtp.set_mode("hold");
    let sending = tokio::spawn({
        let scene = Arc::clone(scene);
        async move {
            // A claim that is refused ends it.
            while scene.try_drain().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    scene.wait_for_mails(CONNECTIONS).await;
    let server = scene.inboxes.server.as_ref().unwrap();
    refuse(server, refusal).await;
    let before = refused_commands(server);
    scene.smtp.set_mode("");
    scene.smtp.reply_to_held("hold", "250 OK");
    eventually("a command of the worker is refused", async || {
        (refused_commands(server) > before).then_some(())
    })
    .await;
    let salver = scene.inboxes.process(mail_settings);
    let mut refused = Vec::new();
    for number in PEOPLE..2 * PEOPLE {
        let person = format!("p{number}");
        let (number, note) = scene.history.note(AT_ONCE, &person);
        let person = Recipient::user(person);
        let error = salver.notify([person.clone()], note.clone()).await;
        let error = error.unwrap_err();
        let is_full = refusal == Refusal::OutOfMemory;
        assert_eq!(error.is_full(), is_full, "{refusal:?}: {error:?}");
        assert_eq!(error.is_unavailable(), !is_full, "{refusal:?}: {error:?}");
        refused.push((number, person, note));
    }
    accept(server, refusal);
    let accepted = Instant::now();
    for (number, person, note) in refused {
        eventually("the site notifies again", async || {
            salver.notify([person.clone()], note.clone()).await.ok()
        })
        .await;
        scene.history.record_acknowledged(number);
    }
    sending.await.unwrap();
    let recovery = accepted.elapsed();
    scene.finish().await;
    recovery
}

async fn refuse(server: &Server, refusal: Refusal) {
    match refusal {
        Refusal::OutOfMemory => server.set_config("maxmemory", "1"),
        Refusal::Replica => {
            // No server listens there, so that the data stays.
            let port = free_port().to_string();
            let _: String = server.run(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()]);
        }
        Refusal::FailedSnapshot => server.fail_snapshots().await,
    }
}

fn accept(server: &Server, refusal: Refusal) {
    match refusal {
        Refusal::OutOfMemory => server.set_config("maxmemory", "0"),
        Refusal::Replica => {
            let _: String = server.run(&[b"REPLICAOF", b"NO", b"ONE"]);
        }
        Refusal::FailedSnapshot => server.set_config("save", ""),
    }
}

/// Returns how many commands the server has refused.
fn refused_commands(server: &Server) -> usize {
    let info: String = server.run(&[b"INFO", b"errorstats"]);
    let counts = info.lines().filter_map(|line| {
        let (error, count) = line.strip_prefix("errorstat_")?.split_once(":count=")?;
        let is_refusal = ["OOM", "READONLY", "MISCONF"].contains(&error);
        is_refusal.then(|| count.parse::<usize>().unwrap())
    });
    counts.sum()
}
