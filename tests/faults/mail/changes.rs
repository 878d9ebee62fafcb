//! A person unsubscribes, reads the notification or is erased while its mail waits for an attempt: the mail is not
//! sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use salver::jobs::DeliveryState;
use salver::mail::Cadence;
use salver::{InboxFilter, ReadState, Salver};

use super::people::{
    self, KINDS, LONGEST_DELAY, Received, about, mailer, on_each_store, report, user,
};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;

/// The nine attempts of a job, and one that an operator asks for.
const ATTEMPTS: usize = 10;

/// What changes before an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    Unsubscribed,
    Read,
    Erased,
}

use Change::{Erased, Nothing, Read, Unsubscribed};

struct Person {
    id: String,
    kind: &'static str,
    change: Change,
    /// The attempt before which the change is made, and from which on the mail server accepts the mail.
    attempt: usize,
}

impl Person {
    /// Returns one for each kind, change and attempt.
    fn all() -> Vec<Self> {
        let mut people = Vec::new();
        for kind in KINDS {
            for change in [Nothing, Unsubscribed, Read, Erased] {
                people.extend((1..=ATTEMPTS).map(|attempt| Self {
                    id: format!("{kind}-{change:?}-{attempt}"),
                    kind,
                    change,
                    attempt,
                }));
            }
        }
        people
    }

    async fn change(&self, salver: &Salver) {
        let (recipient, all) = (user(&self.id), InboxFilter::all());
        let inbox = salver.inbox(&recipient);
        match self.change {
            Nothing => {}
            Unsubscribed => inbox.set_mail("*", Cadence::Never).await.unwrap(),
            Read => assert_eq!(inbox.mark(&all, ReadState::Read).await.unwrap(), 1),
            Erased => salver.erase(&recipient).await.unwrap(),
        }
    }
}

/// Returns the local part of the address of a person: the server refuses it before their attempt.
fn local_part(id: &str, attempt: usize) -> String {
    let (_, own) = id.rsplit_once('-').unwrap();
    match own.parse::<usize>().unwrap() <= attempt {
        true => id.to_owned(),
        false => format!("r451+{id}"),
    }
}

/// `delivered`: mails that were cancelled, `again`: those that were sent although something had changed.
async fn change_before_each_attempt(inboxes: &Inboxes) -> Verdict {
    let (smtp, salver, people) = (SmtpServer::start(), &inboxes.salver, Person::all());
    let current = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&current);
    let local_part = move |id: &str| local_part(id, now.load(Ordering::SeqCst));
    let worker = people::worker(salver, mailer(&smtp), local_part);
    // Digests are planned before the first attempts.
    for kind in ["daily", "at-once"] {
        for person in people.iter().filter(|person| person.kind == kind) {
            let note = about(kind, &person.id);
            salver.notify([user(&person.id)], note).await.unwrap();
        }
        if kind == "daily" {
            worker.drain().await.unwrap();
        }
    }
    let deliveries = salver.deliveries();
    let mut expected = BTreeSet::new();
    for attempt in 1..=ATTEMPTS {
        current.store(attempt, Ordering::SeqCst);
        for person in people.iter().filter(|person| person.attempt == attempt) {
            person.change(salver).await;
            if person.change == Nothing {
                expected.insert(person.id.as_str());
            }
        }
        for dead in deliveries.list(DeliveryState::Dead, None).await.unwrap() {
            assert_eq!((attempt, dead.attempts.len()), (ATTEMPTS, ATTEMPTS - 1));
            assert!(deliveries.retry(&dead.id).await.unwrap());
        }
        inboxes.advance(LONGEST_DELAY);
        worker.drain().await.unwrap();
        // Each attempt was made, and sent what had not changed.
        let received = Received::from(&smtp);
        let unchanged = received.users().into_iter();
        let unchanged = unchanged.filter(|id| id.contains("-Nothing-"));
        assert_eq!(unchanged.collect::<BTreeSet<_>>(), expected);
    }
    assert_eq!(deliveries.counts().await.unwrap(), Default::default());

    let received = Received::from(&smtp);
    let mut verdict = received.verdict(people.len());
    for person in &people {
        match person.change {
            Nothing => received.expect_one(&person.id, &mut verdict),
            Unsubscribed | Read | Erased => {
                verdict.delivered += 1;
                verdict.again += received.of(&person.id).len();
            }
        }
    }
    verdict
}

#[tokio::test]
async fn change_before_any_attempt_cancels_the_mail() {
    let verdict = on_each_store(change_before_each_attempt).await;
    let more = format!("cancelled={} attempts={ATTEMPTS}", verdict.delivered);
    report("mail_changes", verdict, 0, more);
}
