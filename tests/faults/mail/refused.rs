//! A server that refuses writes: out of memory, a replica, a failed snapshot. Mails wait until it accepts them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salver::Recipient;

use super::scene::{Kind, Scene};
use crate::faults::inbox::add_up;
use crate::support::eventually;
use crate::support::history::{Row, Verdict};
use crate::support::profile::by_profile;
use crate::support::refusals::{REFUSALS, Refusal};
use crate::support::worker_process::{AT_ONCE, mail_settings};

/// Connections of a worker to the SMTP server: so many mails are on their way at the same time.
const CONNECTIONS: usize = 4;
/// The people of each refusal.
const PEOPLE: usize = 12;

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
    refusal.begin(server).await;
    let before = server.refused_commands();
    scene.smtp.set_mode("");
    scene.smtp.reply_to_held("hold", "250 OK");
    eventually("a command of the worker is refused", async || {
        (server.refused_commands() > before).then_some(())
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
        refusal.assert_refused(&error);
        refused.push((number, person, note));
    }
    refusal.end(server);
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
