//! A notification is deleted, displaced or replaced by its tag between a failed mail and the repeats of the mail and
//! of `notify`: it is not mailed, and does not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use salver::inbox::{MAX_IN_GROUP, MAX_NOTIFICATIONS};
use salver::{InboxFilter, Message, Notification, Salver};

use super::people::{
    self, DAY, KINDS, LONGEST_DELAY, Received, mailer, on_each_store, report, user,
};
use crate::support::history::Verdict;
use crate::support::inboxes::{Inboxes, note};
use crate::support::profile::by_profile;
use crate::support::smtp_server::SmtpServer;

/// What removes the first notification of a person.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Removal {
    Deleted,
    Displaced,
    Retagged,
}

use Removal::{Deleted, Displaced, Retagged};

struct Person {
    id: String,
    kind: &'static str,
    removal: Removal,
    first: Notification,
    other: Notification,
}

impl Person {
    fn new(kind: &'static str, removal: Removal, number: usize) -> Self {
        let id = format!("{kind}-{removal:?}-{number}");
        let note = |text: &str| {
            let message = Message::info(format!("{text} About {id}."));
            match removal {
                Deleted | Displaced => Notification::new(kind, message).group("g"),
                Retagged => Notification::new(kind, message.tag("state")),
            }
        };
        Self {
            first: note("First."),
            other: note("Other."),
            id,
            kind,
            removal,
        }
    }

    /// Returns those of each kind and removal.
    fn all(rounds: usize) -> Vec<Self> {
        let mut people = Vec::new();
        for kind in KINDS {
            for removal in [Deleted, Displaced, Retagged] {
                let number = match (removal, kind) {
                    // A whole inbox displaces one of a day before.
                    (Displaced, "daily") => 2,
                    _ => 20 * rounds,
                };
                people.extend((0..number).map(|number| Self::new(kind, removal, number)));
            }
        }
        people
    }

    async fn notify(&self, salver: &Salver, note: &Notification) {
        let outcome = salver.notify([user(&self.id)], note.clone()).await;
        outcome.unwrap();
    }

    /// Returns how many notifications are in the inbox at the end.
    fn left(&self) -> u64 {
        match (self.removal, self.kind) {
            (Deleted | Retagged, _) => 1,
            (Displaced, "daily") => MAX_NOTIFICATIONS as u64,
            (Displaced, _) => MAX_IN_GROUP as u64,
        }
    }
}

/// Removes the first notifications of all people, and adds what stays.
async fn remove(salver: &Salver, people: &[Person]) {
    for person in people {
        match person.removal {
            Deleted => {
                let inbox = salver.inbox(&user(&person.id));
                assert_eq!(inbox.retract(&InboxFilter::all()).await.unwrap(), 1);
                person.notify(salver, &person.other).await;
            }
            Displaced => {}
            Retagged => person.notify(salver, &person.other).await,
        }
    }
    for (kind, others) in [("at-once", MAX_IN_GROUP), ("daily", MAX_NOTIFICATIONS)] {
        let displaced = |one: &&Person| one.removal == Displaced && one.kind == kind;
        let displaced = people.iter().filter(displaced).map(|one| user(&one.id));
        let displaced: Vec<_> = displaced.collect();
        for number in 0..others {
            // Of a kind that is not mailed.
            let other = match kind {
                "at-once" => note(&number.to_string()).group("g"),
                _ => note(&number.to_string()),
            };
            salver.notify(displaced.clone(), other).await.unwrap();
        }
    }
}

async fn remove_before_the_repeats(inboxes: &Inboxes) -> Verdict {
    let (smtp, salver) = (SmtpServer::start(), &inboxes.salver);
    let people = Person::all(by_profile(1, 10));
    let is_refusing = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&is_refusing);
    let local_part = move |id: &str| match refuses.load(Ordering::SeqCst) {
        true => format!("r451+{id}"),
        false => id.to_owned(),
    };
    let worker = people::worker(salver, mailer(&smtp), local_part);
    // The first attempts of digests, then those of the others.
    for person in people.iter().filter(|person| person.kind == "daily") {
        person.notify(salver, &person.first).await;
    }
    worker.drain().await.unwrap();
    inboxes.advance(DAY + people::HOUR);
    for person in people.iter().filter(|person| person.kind == "at-once") {
        person.notify(salver, &person.first).await;
    }
    worker.drain().await.unwrap();
    let deliveries = salver.deliveries();
    assert_eq!(
        deliveries.counts().await.unwrap().later,
        people.len() as u64
    );
    assert!(Received::from(&smtp).users().is_empty());

    remove(salver, &people).await;
    is_refusing.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        for person in &people {
            person.notify(salver, &person.first).await;
        }
        inboxes.advance(LONGEST_DELAY);
        worker.drain().await.unwrap();
        if let Some(server) = &inboxes.server {
            // As after the hour for which the ids of jobs are remembered.
            let _: u64 = server.run(&[b"DEL", b"app!done.mail:{0}", b"app!done.plan:{0}"]);
        }
    }
    assert_eq!(deliveries.counts().await.unwrap(), Default::default());

    let received = Received::from(&smtp);
    let mut verdict = received.verdict(people.len());
    for person in &people {
        let mails = received.of(&person.id);
        let count = |text| mails.iter().filter(|mail| mail.text.contains(text)).count();
        verdict.again += count("First.");
        match person.removal {
            Displaced => verdict.displaced += 1,
            Deleted | Retagged => {
                verdict.lost += usize::from(count("Other.") == 0);
                verdict.received += usize::from(count("Other.") > 0);
                verdict.twice += count("Other.").saturating_sub(1);
            }
        }
        let counts = salver.inbox(&user(&person.id)).counts().await.unwrap();
        assert_eq!(counts.total, person.left(), "{}", person.id);
    }
    verdict
}

#[tokio::test]
async fn removed_notification_is_mailed_by_no_repeat() {
    let verdict = on_each_store(remove_before_the_repeats).await;
    report("mail_removed", verdict, 0, String::new());
}
