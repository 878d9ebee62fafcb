//! The replies of an SMTP server decide about its mails, and about no others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use salver::Salver;
use salver::jobs::DeliveryState;

use super::people::{
    self, DAY, HOUR, KINDS, LONGEST_DELAY, Received, about, on_each_store, report, user,
};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;

/// The password of the server, unless it refuses it.
const PASSWORD: &str = "secret";

/// A reply, what becomes of the mail, and what the local part of its address begins with. The first two are those of
/// the whole server.
const REPLIES: [(&str, Effect, &str); 6] = [
    ("421", Effect::Later, ""),
    ("535", Effect::Later, ""),
    ("451", Effect::Later, "d451.4.3.0+"),
    ("550", Effect::Dead, "r550.5.1.1+"),
    ("554", Effect::Dead, "d554+"),
    // Accepted, and then nothing.
    ("silent", Effect::PerhapsTwice, "silent+"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Later,
    Dead,
    PerhapsTwice,
}

fn ids() -> impl Iterator<Item = (String, Effect)> {
    let ids =
        |kind: &'static str| REPLIES.map(|(reply, effect, _)| (format!("{kind}-{reply}"), effect));
    KINDS.into_iter().flat_map(ids)
}

/// Returns the local part of the address of a person. Those that are refused for a while lose their prefixes
/// then.
fn local_part(id: &str, is_well: bool) -> String {
    let (_, own) = id.rsplit_once('-').unwrap();
    let reply = REPLIES.iter().find(|(reply, ..)| *reply == own);
    let (_, effect, prefix) = reply.unwrap();
    match is_well && *effect == Effect::Later {
        true => id.to_owned(),
        false => format!("{prefix}{id}"),
    }
}

/// Returns the number of deliveries, and that of their failed attempts.
async fn deliveries(salver: &Salver, state: DeliveryState) -> (usize, usize) {
    let deliveries = salver.deliveries().list(state, None).await.unwrap();
    let attempts = deliveries.iter().map(|one| one.attempts.len()).sum();
    (deliveries.len(), attempts)
}

async fn meet_each_reply(inboxes: &Inboxes) -> Verdict {
    let (smtp, salver) = (SmtpServer::with_password(PASSWORD), &inboxes.salver);
    let url = format!("smtp://salver:{PASSWORD}@127.0.0.1:{}", smtp.port());
    let mailer = salver::mail::Mailer::smtp(&url).unwrap();
    let mailer = mailer.from("App <notify@example.org>");
    let is_well = Arc::new(AtomicBool::new(false));
    let worker = || {
        let is_well = Arc::clone(&is_well);
        people::worker(salver, mailer.clone(), move |id| {
            local_part(id, is_well.load(Ordering::SeqCst))
        })
    };
    for kind in ["daily", "at-once"] {
        for (id, _) in ids().filter(|(id, _)| id.starts_with(kind)) {
            let note = about(kind, &id);
            salver.notify([user(&id)], note).await.unwrap();
        }
        if kind == "daily" {
            worker().drain().await.unwrap();
            inboxes.advance(DAY + HOUR);
        }
    }
    // All mails are due. The channel rests, and they count no attempt.
    for mode in ["421", "535"] {
        smtp.set_mode(mode);
        worker().drain().await.unwrap();
        let waiting = deliveries(salver, DeliveryState::Waiting).await;
        assert_eq!(waiting, (ids().count(), 0), "{mode}");
    }
    smtp.set_mode("");
    let impatient = worker().attempt_timeout(Duration::from_secs(1));
    impatient.drain().await.unwrap();
    is_well.store(true, Ordering::SeqCst);
    let worker = worker();
    for _ in 0..2 {
        inboxes.advance(LONGEST_DELAY);
        worker.drain().await.unwrap();
    }
    assert_eq!(deliveries(salver, DeliveryState::Waiting).await, (0, 0));
    assert_eq!(deliveries(salver, DeliveryState::Dead).await.0, 4);

    let received = Received::from(&smtp);
    let mut verdict = received.verdict(ids().count());
    for (id, effect) in ids() {
        match effect {
            Effect::Later => {
                received.expect_one(&id, &mut verdict);
                assert_eq!(received.count(&id).1, 0, "{id}");
            }
            Effect::PerhapsTwice => received.expect_one(&id, &mut verdict),
            Effect::Dead => {
                verdict.pending += 1;
                assert!(received.of(&id).is_empty(), "{id}");
            }
        }
    }
    // Of those whose mailboxes do not exist, and of no others.
    for (id, _) in ids() {
        let address = format!("{}@example.org", local_part(&id, true));
        let is_suppressed = salver.is_mail_suppressed(&address).await.unwrap();
        assert_eq!(is_suppressed, id.ends_with("550"), "{id}");
    }
    verdict
}

#[tokio::test]
async fn each_reply_decides_about_its_own_mails() {
    let verdict = on_each_store(meet_each_reply).await;
    let more = format!("dead={}", verdict.pending);
    // Those whose replies did not come.
    report("mail_replies", verdict, 2 * KINDS.len(), more);
}
