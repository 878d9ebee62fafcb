//! A worker does not learn or cannot record that the SMTP server has accepted a mail. The mail is sent once more,
//! with its id and content.

use std::time::Duration;

use salver::jobs::DeliveryState;

use super::scene::{KINDS, Kind, LEASE, Scene};
use crate::support::eventually;
use crate::support::profile::by_profile;
use crate::support::worker_process::WorkerProcess;

/// Connections of a worker to the SMTP server: so many mails are on their way at the same time.
const CONNECTIONS: usize = 4;
/// Longer than the test, so that the worker sends no command but those of its attempts.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Stop {
    /// The connection breaks instead of the reply.
    ReplyLost,
    /// The worker is killed while it waits for the reply.
    KilledBeforeReply,
    /// The worker is killed after the reply, while Redis executes no commands.
    KilledAfterReply,
}

const STOPS: [Stop; 3] = [
    Stop::ReplyLost,
    Stop::KilledBeforeReply,
    Stop::KilledAfterReply,
];

#[tokio::test]
async fn mail_that_was_accepted_unnoticed_is_repeated_with_its_id() {
    for kind in KINDS {
        check(kind).await;
    }
}

async fn check(kind: Kind) {
    let (scene, mut people) = (Scene::start(), 0);
    for _ in 0..by_profile(1, 20) {
        for stop in STOPS {
            scene.notify(kind, people..people + CONNECTIONS).await;
            people += CONNECTIONS;
            scene.plan_digests(kind).await;
            send_unnoticed(&scene, stop).await;
            assert_eq!(scene.smtp.count(), 2 * people);
        }
    }
    scene.finish().await;
    let test = match kind {
        Kind::AtOnce => "mail_acceptance_lost",
        Kind::Digest => "mail_acceptance_lost_digest",
    };
    let more = format!("stops={}", STOPS.len());
    let again = scene.report(test, (Duration::ZERO, Duration::ZERO), more);
    assert_eq!(again, people, "each mail is repeated once");
}

/// Sends mails whose acceptance is not recorded, and then sends them again.
async fn send_unnoticed(scene: &Scene, stop: Stop) {
    let before = scene.smtp.count();
    let mode = match stop {
        Stop::ReplyLost => "lost".to_owned(),
        // A name of its own, since the reply is a file.
        Stop::KilledBeforeReply | Stop::KilledAfterReply => format!("hold-{before}"),
    };
    scene.smtp.set_mode(&mode);
    let mut worker = WorkerProcess::start_polling(scene.redis(), &scene.smtp, POLL_INTERVAL);
    scene.wait_for_mails(before + CONNECTIONS).await;
    match stop {
        Stop::ReplyLost => {
            eventually("the failures are recorded", async || {
                let waiting = scene.deliveries(DeliveryState::Waiting).await;
                let failed = waiting.iter().filter(|one| !one.attempts.is_empty());
                (failed.count() == CONNECTIONS).then_some(())
            })
            .await;
            worker.stop();
        }
        Stop::KilledBeforeReply => worker.kill(),
        Stop::KilledAfterReply => {
            let server = scene.inboxes.server.as_ref().unwrap();
            let _: String = server.run(&[b"CLIENT", b"PAUSE", b"600000", b"WRITE"]);
            scene.smtp.reply_to_held(&mode, "250 OK");
            // The worker records that it has sent a mail.
            server.wait_for_blocked(true).await;
            worker.kill();
            server.wait_for_blocked(false).await;
            let _: String = server.run(&[b"CLIENT", b"UNPAUSE"]);
        }
    }
    scene.smtp.set_mode("");
    scene.inboxes.advance(LEASE);
    worker = scene.worker();
    scene.wait_for_mails(before + 2 * CONNECTIONS).await;
    scene.wait_for_later(0).await;
    worker.stop();
}
