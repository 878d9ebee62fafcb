//! A worker is paused for longer than its lease, and another one sends its mails. When the first continues, it
//! changes nothing of what the other has recorded.

use std::time::Duration;

use super::scene::{KINDS, Kind, LEASE, Scene};
use crate::support::profile::by_profile;

/// Connections of a worker to the SMTP server: so many mails are on their way at the same time.
const CONNECTIONS: usize = 4;
/// The replies to the mails of the paused worker: it records success, a failure, and a mail that is dead.
const LATE_REPLIES: [&str; 3] = ["250 OK", "451 later", "554 rejected"];

#[tokio::test]
async fn paused_worker_changes_no_outcome_of_another_worker() {
    for kind in KINDS {
        check(kind).await;
    }
}

async fn check(kind: Kind) {
    let (scene, mut people) = (Scene::start(), 0);
    for _ in 0..by_profile(1, 20) {
        for reply in LATE_REPLIES {
            for is_other_done in [true, false] {
                scene.notify(kind, people..people + CONNECTIONS).await;
                people += CONNECTIONS;
                scene.plan_digests(kind).await;
                pause(&scene, reply, is_other_done).await;
            }
        }
    }
    scene.finish().await;
    let test = match kind {
        Kind::AtOnce => "mail_worker_paused",
        Kind::Digest => "mail_worker_paused_digest",
    };
    let again = scene.report(test, (Duration::ZERO, Duration::ZERO), String::new());
    assert_eq!(again, people, "each of the workers sends each mail");
}

/// Pauses a worker whose mails get this reply after another worker has sent them, or while it sends them.
async fn pause(scene: &Scene, reply: &str, is_other_done: bool) {
    let before = scene.smtp.count();
    // Names of their own, since the replies are files.
    let (first, second) = (format!("hold-{before}-a"), format!("hold-{before}-b"));
    scene.smtp.set_mode(&first);
    let paused = scene.worker();
    scene.wait_for_mails(before + CONNECTIONS).await;
    paused.signal("STOP");
    scene.inboxes.advance(LEASE);
    scene
        .smtp
        .set_mode(if is_other_done { "" } else { &second });
    let other = scene.worker();
    scene.wait_for_mails(before + 2 * CONNECTIONS).await;
    if is_other_done {
        scene.wait_for_later(0).await;
    }
    scene.smtp.reply_to_held(&first, reply);
    paused.signal("CONT");
    // It ends when its attempts are recorded.
    paused.stop();
    // A success counts from any worker. Otherwise the mail is that of the other one.
    let is_done = is_other_done || reply == "250 OK";
    let leased = if is_done { 0 } else { CONNECTIONS as u64 };
    let counts = scene.counts().await;
    assert_eq!(
        (counts.due, counts.later, counts.dead),
        (0, leased, 0),
        "{reply}"
    );
    if !is_other_done {
        scene.smtp.reply_to_held(&second, "250 OK");
        scene.wait_for_later(0).await;
    }
    other.stop();
    scene.smtp.set_mode("");
}
