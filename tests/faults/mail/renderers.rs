//! Closures of a site panic while they render a mail: that mail is dead in the end, and others are sent.

use salver::jobs::{Delivery, DeliveryState, Worker};
use salver::mail::Profile;
use salver::{Error, Message, Recipient, Salver, Translation};

use super::people::{
    DAY, HOUR, KINDS, LONGEST_DELAY, Received, about, mailer, on_each_store, report, user,
};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;

/// The closures that panic, each for one person of each kind.
const CLOSURES: [&str; 3] = ["body", "translation", "profiles"];
/// People of each kind for whom none does.
const OTHERS: usize = 3;
pub(super) fn ids(faults: &[&str]) -> Vec<String> {
    let others = (0..OTHERS).map(|number| format!("other{number}"));
    let names: Vec<_> = faults
        .iter()
        .map(|fault| (*fault).to_owned())
        .chain(others)
        .collect();
    let of_kind = |kind: &&str| {
        names
            .iter()
            .map(|name| format!("{kind}-{name}"))
            .collect::<Vec<_>>()
    };
    KINDS.iter().flat_map(of_kind).collect()
}

/// Notifies people. Their mails are due afterwards.
pub(super) async fn notify(inboxes: &Inboxes, ids: &[String], worker: &Worker) {
    for kind in ["daily", "at-once"] {
        for id in ids.iter().filter(|id| id.starts_with(kind)) {
            let note = about(kind, id);
            inboxes.salver.notify([user(id)], note).await.unwrap();
        }
        if kind == "daily" {
            worker.drain().await.unwrap();
            inboxes.advance(DAY + HOUR);
        }
    }
}

/// Returns a worker whose closures panic for those of whose ids they are a part.
fn panicking_worker(salver: &Salver, smtp: &SmtpServer) -> Worker {
    let mailer = mailer(smtp).body(|letter| {
        assert!(!letter.to.contains("-body"), "a bug in the body");
        None
    });
    let mailer = mailer.translate(|locale| {
        let is_broken = locale == "xx";
        move |_: &Message| -> Option<Translation> {
            assert!(!is_broken, "a bug in a translation");
            None
        }
    });
    let profiles = |who: Vec<Recipient>| {
        let profile = |who: Recipient| {
            let id = who.user_id().unwrap().to_owned();
            assert!(!id.contains("-profiles"), "a bug in the profiles");
            let locale = match id.contains("-translation") {
                true => "xx",
                false => "en",
            };
            let address = format!("{id}@example.org");
            Profile::new(who).email(address).locale(locale)
        };
        let profiles = who.into_iter().map(profile).collect();
        async { Ok::<_, Error>(profiles) }
    };
    salver.worker().mail(mailer).profiles(profiles)
}

pub(super) async fn dead(salver: &Salver) -> Vec<Delivery> {
    let dead = salver.deliveries().list(DeliveryState::Dead, None).await;
    dead.unwrap()
}

/// Returns the row: those with a fault are dead, which counts as pending, the others are mailed.
pub(super) fn verdict(smtp: &SmtpServer, ids: &[String]) -> Verdict {
    let received = Received::from(smtp);
    let mut verdict = received.verdict(ids.len());
    for id in ids {
        match id.contains("-other") {
            true => received.expect_one(id, &mut verdict),
            false => {
                verdict.pending += 1;
                assert!(received.of(id).is_empty(), "{id}");
            }
        }
    }
    verdict
}

async fn panic_for_some(inboxes: &Inboxes) -> Verdict {
    let (smtp, salver, ids) = (SmtpServer::start(), &inboxes.salver, ids(&CLOSURES));
    let worker = panicking_worker(salver, &smtp);
    notify(inboxes, &ids, &worker).await;
    worker.drain().await.unwrap();
    // At the first attempt.
    assert_eq!(verdict(&smtp, &ids).received, KINDS.len() * OTHERS);
    for _ in 0..10 {
        inboxes.advance(LONGEST_DELAY);
        worker.drain().await.unwrap();
    }
    let dead = dead(salver).await;
    let mut attempts: Vec<_> = dead.iter().map(|one| one.attempts.len()).collect();
    attempts.sort_unstable();
    // The closure of profiles is one of the whole site, and may be repaired.
    assert_eq!(attempts, [5, 5, 5, 5, 9, 9]);
    assert_eq!(salver.deliveries().counts().await.unwrap().later, 0);
    verdict(&smtp, &ids)
}

#[tokio::test]
async fn mail_whose_closure_panics_is_dead_and_others_are_sent() {
    let verdict = on_each_store(panic_for_some).await;
    let more = format!("dead={}", verdict.pending);
    report("mail_panics", verdict, 0, more);
}
