//! Daily digests of people in many time zones, over days on which clocks change, with a worker that is stopped in
//! the middle of its work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use salver::jobs::Worker;
use salver::mail::{Cadence, Letter, Mailer, Profile};
use salver::{Error, Recipient, Salver, SalverBuilder};

use crate::support::inboxes::{Inboxes, note};
use crate::support::profile::by_profile;

const STEP: Duration = Duration::from_secs(15 * 60);
const STEPS_PER_DAY: usize = 96;
/// Of all offsets, with and without changes of clocks, in both halves of the year and at unusual hours.
const ZONES: [&str; 40] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Lisbon",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Havana",
    "America/Nuuk",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Kabul",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Asia/Beirut",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];
/// Two days before clocks change in Europe: 2027-03-26 and 2027-10-29, in Unix seconds.
const BEGINNINGS: [u64; 2] = [1_806_019_200, 1_824_768_000];

/// The moments at which a worker runs, in minutes after a beginning: one day before, just before, and after the change.
/// At none of them a digest is due within minutes.
const MOMENTS: [(usize, u64); 7] = [
    (0, 1_460),
    (0, 2_900),
    (0, 3_620),
    (0, 5_060),
    (1, 2_900),
    (1, 3_620),
    (1, 5_060),
];
/// How often a worker is stopped in the middle.
const KILLS: usize = 10;
/// Longer than the lease of a worker.
const LEASE: Duration = Duration::from_secs(151);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("*", Cadence::Daily { hour: 8 })
}

fn people() -> usize {
    by_profile(400, 10_000)
}

async fn profiles(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |who: Recipient| {
        let number: usize = who.user_id().unwrap().parse().unwrap();
        let address = format!("{number}@example.org");
        Profile::new(who)
            .email(address)
            .time_zone(ZONES[number % ZONES.len()])
    };
    Ok(who.into_iter().map(profile).collect())
}

fn worker(salver: &Salver, mailer: &Mailer, concurrency: usize) -> Worker {
    let worker = salver.worker().mail(mailer.clone()).profiles(profiles);
    worker.concurrency(concurrency)
}

/// What a person was mailed: the step and the texts by the id of the mail, and how often it was repeated.
#[derive(Default)]
struct Mails {
    first: BTreeMap<usize, BTreeSet<String>>,
    ids: BTreeSet<String>,
    repeated: usize,
}

fn texts(letter: &Letter) -> BTreeSet<String> {
    let notifications = letter.rows.iter().flat_map(|row| row.notifications());
    notifications.map(|one| one.text().to_owned()).collect()
}

/// Each person gets one mail a day at their own hour, with all that came since the mail before, and none without
/// anything. Only a mail that the worker was sending when it was stopped is sent again, with the same id.
#[tokio::test]
async fn each_person_gets_one_digest_a_day_while_clocks_change() {
    for beginning in BEGINNINGS {
        let inboxes = Inboxes::memory_with(settings);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        inboxes.advance(Duration::from_secs(beginning) - now);
        let (mut mails, mut stops, mut rounds) = (BTreeMap::new(), 0, 0);
        let days = 5;
        for step in 0..days * STEPS_PER_DAY {
            inboxes.advance(STEP);
            // Nothing comes on the last two days, so that everything is mailed in the end.
            if step % 48 == 0 && step < (days - 2) * STEPS_PER_DAY {
                let everyone = (0..people()).map(Recipient::user);
                let text = note(&format!("round {rounds}"));
                inboxes.salver.notify(everyone, text).await.unwrap();
                rounds += 1;
            }
            // As a process that is killed after some call: the leases of its jobs end before the next step.
            let calls = if step % 7 == 3 {
                step as u64 % 60 + 1
            } else {
                u64::MAX
            };
            let mailer = Mailer::memory();
            let worker = worker(&inboxes.salver, &mailer, 500);
            inboxes.salver.stop_after(calls);
            tokio::select! {
                biased;
                drained = worker.drain() => drop(drained.unwrap()),
                () = inboxes.salver.stopped() => stops += 1,
            }
            inboxes.salver.stop_after(u64::MAX);
            for letter in mailer.sent() {
                let of_person: &mut Mails = mails.entry(letter.to.clone()).or_default();
                let texts = texts(&letter);
                assert!(!texts.is_empty(), "an empty mail");
                match of_person.ids.insert(letter.id.clone()) {
                    true => drop(of_person.first.insert(step, texts)),
                    false => of_person.repeated += 1,
                }
            }
        }
        let repeated: usize = mails.values().map(|mails| mails.repeated).sum();
        let all = mails.values().map(|mails| mails.first.len()).sum::<usize>();
        println!(
            "MAIL digests people={} zones={} mails={all} stops={stops} repeated={repeated}",
            people(),
            ZONES.len()
        );
        assert_eq!(mails.len(), people());
        assert!(stops >= 10, "{stops}");
        for (person, Mails { first, .. }) in &mails {
            let texts: Vec<_> = first.values().flatten().collect();
            let unique: BTreeSet<_> = texts.iter().collect();
            assert_eq!(
                (texts.len(), unique.len()),
                (rounds, rounds),
                "{person}: {first:?}"
            );
            // 23 to 25 hours, and a step for a worker that was stopped.
            let steps: Vec<_> = first.keys().collect();
            for pair in steps.windows(2) {
                let hours = (pair[1] - pair[0]) as f64 / 4.0;
                assert!(
                    (22.5..=25.5).contains(&hours),
                    "{person}: {hours} hours apart: {steps:?}"
                );
            }
        }
    }
}

/// A redis-server whose clock is moved.
struct MovedServer {
    inboxes: Inboxes,
    now: Duration,
}

impl MovedServer {
    fn start() -> Self {
        let inboxes = Inboxes::redis_with_clock_and(settings);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Duration::from_secs(now.as_secs());
        Self { inboxes, now }
    }

    fn advance(&mut self, time: Duration) {
        self.inboxes.advance(time);
        self.now += time;
    }

    /// Performs all jobs that are due. Returns how many processes have stopped before: each after one of these numbers
    /// of calls, and with the end of its leases.
    async fn drain(&mut self, mailer: &Mailer, calls: impl IntoIterator<Item = u64>) -> usize {
        let (mut stops, salver) = (0, self.inboxes.salver.clone());
        for calls in calls.into_iter().chain([u64::MAX]) {
            let process = self.inboxes.process(settings);
            process.stop_after(calls);
            let worker = worker(&process, mailer, 50);
            tokio::select! {
                biased;
                () = drain_all(&salver, &worker) => break,
                () = process.stopped() => {
                    stops += 1;
                    self.advance(LEASE);
                }
            }
        }
        stops
    }
}

/// Performs jobs until none is due. A worker rests after a call without a reply in time, on a busy machine.
async fn drain_all(salver: &Salver, worker: &Worker) {
    while salver.deliveries().counts().await.unwrap().due > 0 {
        worker.drain().await.unwrap();
    }
}

/// Returns whether it was 8 o'clock in a zone after a moment, and until another one.
fn was_eight_o_clock(zone: &TimeZone, (after, until): (Duration, Duration)) -> bool {
    let local = |time: Duration| {
        let time = Timestamp::from_second(time.as_secs() as i64).unwrap();
        time.to_zoned_datetime(zone.clone()).date()
    };
    let mut date = local(after);
    while date <= local(until) {
        let eight = date.at(8, 0, 0, 0).to_zoned_datetime(zone.clone()).unwrap();
        let eight = Duration::from_secs(eight.timestamp().as_second() as u64);
        if after < eight && eight <= until {
            return true;
        }
        date = date.tomorrow().unwrap();
    }
    false
}

/// A worker that runs at seven moments only, and is stopped ten times, sends at each of them one mail to those who had
/// 8 o'clock since the last one, with all that has come since their last mail.
#[tokio::test]
async fn each_digest_is_sent_once_while_the_clock_of_the_server_is_moved() {
    let people = people();
    let mut server = MovedServer::start();
    let zones = ZONES.map(|name| TimeZone::get(name).unwrap());
    let mut waiting = vec![BTreeSet::new(); people];
    let (mut mails, mut repeated, mut kills, mut notified) = (0, 0, 0, None);
    let mut ids = BTreeSet::new();
    for (number, (beginning, minutes)) in MOMENTS.into_iter().enumerate() {
        let moment = Duration::from_secs(BEGINNINGS[beginning] + minutes * 60);
        server.advance(moment - server.now);
        let mailer = Mailer::memory();
        // Before, between and after the calls around the first mails.
        let stops = if notified.is_some() { 2 } else { 0 };
        let calls = (kills..kills + stops).map(|kill| 20 + 31 * kill as u64);
        kills += server.drain(&mailer, calls).await;

        let mut mailed = vec![BTreeSet::new(); people];
        for letter in mailer.sent() {
            let texts = texts(&letter);
            assert!(!texts.is_empty(), "an empty mail");
            let (person, _) = letter.to.split_once('@').unwrap();
            let of_person = &mut mailed[person.parse::<usize>().unwrap()];
            match ids.insert(letter.id.clone()) {
                true => {
                    assert!(of_person.is_empty(), "a second mail to {person}");
                    *of_person = texts;
                    mails += 1;
                }
                false => {
                    assert_eq!(*of_person, texts, "a repeat has other texts");
                    repeated += 1;
                }
            }
        }
        for (person, mailed) in mailed.iter().enumerate() {
            let zone = &zones[person % ZONES.len()];
            let is_due = notified.is_some_and(|time| was_eight_o_clock(zone, (time, server.now)));
            let expected = match is_due {
                true => std::mem::take(&mut waiting[person]),
                false => BTreeSet::new(),
            };
            let zone = ZONES[person % ZONES.len()];
            assert_eq!(*mailed, expected, "{person} in {zone} at moment {number}");
        }

        let next = MOMENTS.get(number + 1);
        if next.is_none_or(|(next, _)| *next != beginning) {
            // All have had 8 o'clock since. A notification would be too old at the next moment.
            assert!(waiting.iter().all(BTreeSet::is_empty), "{waiting:?}");
            notified = None;
            continue;
        }
        let text = format!("round {number}");
        let everyone = (0..people).map(Recipient::user);
        let outcome = server.inboxes.salver.notify(everyone, note(&text)).await;
        outcome.unwrap();
        for waiting in &mut waiting {
            waiting.insert(text.clone());
        }
        notified = Some(server.now);
        server.drain(&Mailer::memory(), []).await;
    }
    println!(
        "MAIL digests_redis people={people} zones={} instants={} kills={kills} mails={mails} repeated={repeated} empty=0",
        ZONES.len(),
        MOMENTS.len()
    );
    assert_eq!(kills, KILLS);
}
