//! The clock of the store goes back by an hour and ahead by a day: mails are sent later, and a local date has one
//! digest at most.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use salver::mail::Profile;
use salver::{Error, Message, Notification, Recipient};

use super::people::{DAY, HOUR, KINDS, mailer, on_each_store, report};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::smtp_server::SmtpServer;

/// 2027-01-10, in Unix seconds.
const BEGINNING: Duration = Duration::from_secs(1_799_539_200);
/// Time zones without changes of clocks, with the hours by which they differ from UTC.
const ZONES: [(&str, i64); 2] = [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)];
/// Notifications of each kind, to each person.
const NOTES: usize = 25;

/// The clock of a store, moved together with it.
struct MovedClock<'a> {
    inboxes: &'a Inboxes,
    now: Duration,
}

impl MovedClock<'_> {
    fn advance(&mut self, time: Duration) {
        self.inboxes.advance(time);
        self.now += time;
    }

    fn rewind(&mut self, time: Duration) {
        self.inboxes.rewind(time);
        self.now -= time;
    }

    /// Returns the local date in a zone, in days.
    fn date(&self, offset: i64) -> i64 {
        let seconds = self.now.as_secs() as i64 + offset * HOUR.as_secs() as i64;
        seconds.div_euclid(DAY.as_secs() as i64)
    }
}

fn person(kind: &str, zone: usize) -> String {
    format!("{kind}-{zone}")
}

fn zone(id: &str) -> usize {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}

async fn profiles(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |who: Recipient| {
        let id = who.user_id().unwrap().to_owned();
        let (name, _) = ZONES[zone(&id)];
        Profile::new(who)
            .email(format!("{id}@example.org"))
            .time_zone(name)
    };
    Ok(who.into_iter().map(profile).collect())
}

async fn move_clock(inboxes: &Inboxes, seed: u64) -> Verdict {
    let (smtp, salver, mut rng) = (SmtpServer::start(), &inboxes.salver, Rng::with_seed(seed));
    let worker = salver.worker().mail(mailer(&smtp)).profiles(profiles);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Duration::from_secs(now.as_secs());
    inboxes.advance(BEGINNING - now);
    let mut clock = MovedClock {
        inboxes,
        now: BEGINNING,
    };
    let people = || {
        KINDS
            .iter()
            .flat_map(|kind| (0..ZONES.len()).map(|zone| person(kind, zone)))
    };
    let (mut seen, mut dates) = (0, BTreeMap::new());
    for step in 0..NOTES + 50 {
        match rng.u8(..4) {
            // Nothing comes in the end, so that all is mailed.
            _ if step >= NOTES => clock.advance(2 * HOUR),
            0 => clock.rewind(HOUR),
            1 => clock.advance(DAY),
            _ => clock.advance(HOUR),
        }
        if step < NOTES {
            for kind in KINDS {
                let people = (0..ZONES.len()).map(|zone| Recipient::user(person(kind, zone)));
                let note = Message::info(format!("Note {step}. Of {kind}."));
                let outcome = salver.notify(people, Notification::new(kind, note)).await;
                outcome.unwrap();
            }
        }
        worker.drain().await.unwrap();
        let mails = smtp.mails();
        for mail in &mails[seen..] {
            let id = mail.to.split_once('@').unwrap().0;
            let date = clock.date(ZONES[zone(id)].1);
            if id.starts_with("daily") {
                *dates.entry((id.to_owned(), date)).or_insert(0) += 1;
            }
        }
        seen = mails.len();
    }
    let digests = dates.values().sum::<usize>();
    let too_many = dates.values().filter(|digests| **digests > 1).count();
    assert_eq!(too_many, 0, "dates with two digests: {dates:?}");
    assert!(digests >= 2 * 5, "{dates:?}");

    let mails = smtp.mails();
    let mut verdict = Verdict::default();
    for id in people() {
        let own = mails
            .iter()
            .filter(|mail| mail.to.split_once('@').unwrap().0 == id);
        let text: String = own.map(|mail| mail.text.as_str()).collect();
        let (kind, _) = id.rsplit_once('-').unwrap();
        verdict.misdelivered +=
            text.matches(" Of ").count() - text.matches(&format!(" Of {kind}.")).count();
        for step in 0..NOTES {
            let mailed = text.matches(&format!("Note {step}. ")).count();
            verdict.n += 1;
            verdict.received += usize::from(mailed > 0);
            verdict.lost += usize::from(mailed == 0);
            verdict.twice += mailed.saturating_sub(1);
        }
    }
    verdict
}

#[tokio::test]
async fn moved_clock_delays_mails_and_adds_no_digest() {
    let mut total = Verdict::default();
    for round in 0..by_profile(1, 20) {
        let verdict = on_each_store(async |inboxes| move_clock(inboxes, round as u64).await).await;
        add_up(&mut total, &verdict);
    }
    report("mail_moved_clock", total, 0, String::new());
}
