//! Redis comes back without its data. What waited for a mail is lost, a worker reports it, and everything else works.

use std::time::{Duration, Instant};

use salver::store::IssueKind;
use salver::{Recipient, Salver};

use super::scene::{DAY, Kind, Scene};
use crate::support::history::{Row, Verdict};
use crate::support::profile::by_profile;
use crate::support::worker_process::AT_ONCE;
use crate::{faults::inbox::add_up, support::eventually_within};

/// The people of each kind.
const PEOPLE: usize = 10;
/// What a worker reports.
const REPORT: &str = "the store has lost its data";
/// Longer than the interval between the reports of a worker.
const REPORT_PATIENCE: Duration = Duration::from_secs(25);

#[tokio::test]
async fn emptied_redis_is_reported_and_new_mails_are_sent() {
    let (mut total, mut lost, mut recovery) = (Verdict::default(), 0, Duration::ZERO);
    let rounds = by_profile(1, 20);
    for _ in 0..rounds {
        let (verdict, stated_loss, reported) = empty().await;
        add_up(&mut total, &verdict);
        (lost, recovery) = (lost + stated_loss, recovery.max(reported));
    }
    let again = total.again;
    Row {
        test: "mail_redis_emptied",
        verdict: total,
        recovery,
        more: format!("rounds={rounds} stated_loss={lost}"),
        ..Row::default()
    }
    .report();
    assert_eq!(
        again,
        rounds * PEOPLE,
        "what was notified again is mailed again"
    );
}

/// Empties Redis once. Returns the verdict, the notifications that are lost, and the time until it was reported.
async fn empty() -> (Verdict, usize, Duration) {
    let (mut scene, history_end) = (Scene::start(), 2 * PEOPLE);
    let mut server = scene.inboxes.server.take().unwrap();
    let worker = scene.worker();
    let salver = Salver::redis("app", scene.redis()).unwrap();
    let mut repeated = Vec::new();
    scene.notify(Kind::Digest, 0..PEOPLE).await;
    scene.wait_for_later(PEOPLE).await;
    for number in 0..PEOPLE {
        let person = format!("p{number}");
        let (number, note) = scene.history.note(AT_ONCE, &person);
        let person = Recipient::user(person);
        salver.notify([person.clone()], note.clone()).await.unwrap();
        scene.history.record_acknowledged(number);
        repeated.push((person, note));
    }
    scene.wait_for_mails(PEOPLE).await;
    scene.wait_for_later(PEOPLE).await;
    scene.smtp.set_mode("hold");
    scene.notify(Kind::AtOnce, PEOPLE..history_end).await;
    scene.wait_for_mails(PEOPLE + 1).await;

    server.kill();
    server.restart();
    let restarted = Instant::now();
    scene.smtp.set_mode("");
    scene.smtp.reply_to_held("hold", "250 OK");
    eventually_within(REPORT_PATIENCE, "the loss is reported", async || {
        worker.logs().contains(REPORT).then_some(())
    })
    .await;
    let reported = restarted.elapsed();
    scene.wait_for_later(0).await;
    let stated_loss = scene.history.forget_unmailed(&scene.smtp.mails());
    let of_digests = PEOPLE * Kind::Digest.notes();
    assert!(
        (of_digests..=of_digests + PEOPLE).contains(&stated_loss),
        "{stated_loss}"
    );

    // A job that repeats makes one again, by the settings that the worker has stored again.
    let salver = Salver::redis("app", scene.redis()).unwrap();
    for (person, note) in repeated {
        salver.notify([person], note).await.unwrap();
    }
    scene.notify(Kind::AtOnce, 0..history_end).await;
    scene.notify(Kind::Digest, 0..history_end).await;
    scene.wait_for_later(history_end).await;
    scene.inboxes.advance(DAY);
    scene.wait_for_later(0).await;
    let health = scene.inboxes.salver.health().await;
    let about_jobs = [
        IssueKind::NoWorker,
        IssueKind::DeadJobs,
        IssueKind::MailResting,
    ];
    let mut issues = health.issues().iter();
    assert!(
        issues.all(|issue| !about_jobs.contains(&issue.kind())),
        "{health}"
    );
    worker.stop();
    let verdict = scene.history.verdict(&scene.smtp.mails());
    (verdict, stated_loss, reported)
}
