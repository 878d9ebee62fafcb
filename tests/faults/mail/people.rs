//! People who are mailed, and the mails that a server has accepted for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use salver::jobs::Worker;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, Salver, SalverBuilder};

use crate::faults::inbox::add_up;
use crate::support::history::{Row, Verdict};
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::{ReceivedMail, SmtpServer};

pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than the delay before any further attempt.
pub const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60 * 60);
/// The kinds of notifications, which are mailed at once and in a daily digest.
pub const KINDS: [&str; 2] = ["at-once", "daily"];

pub fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("at-once", Cadence::AtOnce)
        .default_cadence("daily", Cadence::Daily { hour: 8 })
}

pub fn user(id: &str) -> Recipient {
    Recipient::user(id)
}

/// Builds a notification whose text names its recipient.
pub fn about(kind: &str, id: &str) -> Notification {
    Notification::new(kind, Message::info(format!("About {id}.")))
}

/// Returns a mailer for a server.
pub fn mailer(smtp: &SmtpServer) -> Mailer {
    let mailer = Mailer::smtp(&smtp.url()).unwrap();
    mailer.from("App <notify@example.org>")
}

/// Returns a worker with a mailer. `local_part`: that of the address of a user.
pub fn worker<F>(salver: &Salver, mailer: Mailer, local_part: F) -> Worker
where
    F: Fn(&str) -> String + Send + Sync + 'static,
{
    let profiles = move |who: Vec<Recipient>| {
        let profile = |who: Recipient| {
            let address = format!("{}@example.org", local_part(who.user_id().unwrap()));
            Profile::new(who).email(address)
        };
        let profiles = who.into_iter().map(profile).collect();
        async { Ok::<_, Error>(profiles) }
    };
    salver.worker().mail(mailer).profiles(profiles)
}

/// Returns the sum of what happens on the memory store and on a Redis server, both with a clock that a test moves.
pub async fn on_each_store(run: impl AsyncFn(&Inboxes) -> Verdict) -> Verdict {
    let mut total = Verdict::default();
    let memory = Inboxes::memory_with(settings);
    let redis = Inboxes::redis_with_clock_and(settings);
    for inboxes in [memory, redis] {
        add_up(&mut total, &run(&inboxes).await);
    }
    total
}

/// Prints one row. Panics if a mail was lost, was sent twice or to another person, or if another number was sent
/// again.
pub fn report(test: &'static str, verdict: Verdict, again: usize, more: String) {
    let sent_again = verdict.again;
    Row {
        test,
        verdict,
        more,
        ..Row::default()
    }
    .report();
    assert_eq!(sent_again, again, "mails that were sent again");
}

/// The mails that a server has accepted, by user.
pub struct Received {
    by_user: BTreeMap<String, Vec<ReceivedMail>>,
    /// Mails that do not name their recipient.
    foreign: usize,
}

impl Received {
    pub fn from(smtp: &SmtpServer) -> Self {
        let mut received = Self {
            by_user: BTreeMap::new(),
            foreign: 0,
        };
        for mail in smtp.mails() {
            let (local_part, _) = mail.to.split_once('@').unwrap();
            let id = local_part
                .rsplit_once('+')
                .map_or(local_part, |(_, id)| id)
                .to_owned();
            received.foreign += usize::from(!mail.text.contains(&format!("About {id}.")));
            received.by_user.entry(id).or_default().push(mail);
        }
        received
    }

    /// Returns the users who have got a mail.
    pub fn users(&self) -> BTreeSet<&str> {
        self.by_user.keys().map(String::as_str).collect()
    }

    /// Returns the mails of a user, those that were sent again included.
    pub fn of(&self, id: &str) -> &[ReceivedMail] {
        self.by_user.get(id).map_or(&[], Vec::as_slice)
    }

    /// Returns a row of so many recipients, none of whom is counted yet.
    pub fn verdict(&self, n: usize) -> Verdict {
        Verdict {
            n,
            misdelivered: self.foreign,
            ..Verdict::default()
        }
    }

    /// Counts a user who gets one mail. `again`: it was sent again with the same id and content.
    pub fn expect_one(&self, id: &str, verdict: &mut Verdict) {
        let (mails, repeats) = self.count(id);
        verdict.received += usize::from(mails > 0);
        verdict.lost += usize::from(mails == 0);
        verdict.twice += mails.saturating_sub(1);
        verdict.again += repeats;
    }

    /// Returns how many different mails a user has got, and how many were sent again with the same content.
    pub fn count(&self, id: &str) -> (usize, usize) {
        let mails = self.of(id);
        let mut texts = BTreeMap::new();
        for mail in mails {
            let first = texts
                .entry(&mail.headers["message-id"])
                .or_insert(&mail.text);
            assert_eq!(*first, &mail.text, "a mail sent again has another text");
        }
        (texts.len(), mails.len() - texts.len())
    }
}
