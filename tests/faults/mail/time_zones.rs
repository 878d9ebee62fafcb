//! Daily digests in every time zone, over each day on which its clocks change, and of people who move to another
//! one. The clock is that of a memory store, and the mails are kept in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, SalverBuilder};

use super::people::{DAY, HOUR, report};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;

/// Longer than the time over which the digests of an hour are spread.
const STEP: Duration = Duration::from_secs(15 * 60);
/// Before and after a change of clocks.
const MARGIN: Duration = Duration::from_secs(36 * 60 * 60);
/// The hours of digests: those that changes of clocks skip and repeat too.
const HOURS: [u8; 6] = [8, 0, 1, 2, 3, 23];
/// The year 2027 in Unix seconds, and a day on which few clocks change.
const YEAR: (i64, i64) = (1_798_761_600, 1_830_297_600);
const SUMMER: i64 = 1_815_000_000;

fn settings(builder: SalverBuilder) -> SalverBuilder {
    let daily = |builder: SalverBuilder, hour: &u8| {
        builder.default_cadence(format!("h{hour}"), Cadence::Daily { hour: *hour })
    };
    HOURS.iter().fold(builder, daily)
}

#[derive(Clone)]
struct Person {
    zone: (String, TimeZone),
    /// The zone to which the person moves in the middle.
    moves_to: Option<(String, TimeZone)>,
    hour: u8,
}

/// Returns all time zones, by the moments at which their clocks change; those without changes at one moment.
fn zones_by_change() -> BTreeMap<i64, Vec<(String, TimeZone)>> {
    let mut changes: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for name in jiff::tz::db().available() {
        let name = name.as_str().to_owned();
        let zone = TimeZone::get(&name).unwrap();
        let beginning = Timestamp::from_second(YEAR.0).unwrap();
        let times = zone
            .following(beginning)
            .map(|change| change.timestamp().as_second());
        let times = times.take_while(|time| *time < YEAR.1).collect::<Vec<_>>();
        let times = if times.is_empty() {
            vec![SUMMER]
        } else {
            times
        };
        for time in times {
            // Those of one day together.
            let day = time - time.rem_euclid(DAY.as_secs() as i64);
            changes
                .entry(day)
                .or_default()
                .push((name.clone(), zone.clone()));
        }
    }
    changes
}

fn people(zones: &[(String, TimeZone)]) -> Vec<Person> {
    let stays = zones.iter().enumerate().map(|(number, zone)| Person {
        zone: zone.clone(),
        moves_to: None,
        hour: HOURS[number % HOURS.len()],
    });
    let moves = zones.iter().enumerate().step_by(5).map(|(number, zone)| {
        let other = &zones[(number + zones.len() / 2) % zones.len()];
        Person {
            zone: zone.clone(),
            moves_to: Some(other.clone()),
            hour: 8,
        }
    });
    stays.chain(moves).collect()
}

/// What happened around one change of clocks.
struct Window {
    people: Arc<Vec<Person>>,
    beginning: i64,
    middle: i64,
    end: i64,
    /// The moments at which each person was mailed.
    mailed: Vec<Vec<i64>>,
    /// How often each person was mailed each text.
    texts: Vec<BTreeMap<String, usize>>,
    rounds: usize,
}

impl Window {
    async fn run(day: i64, zones: &[(String, TimeZone)]) -> Self {
        let people = Arc::new(people(zones));
        let margin = MARGIN.as_secs() as i64;
        let middle = day + DAY.as_secs() as i64 / 2;
        let mut window = Self {
            beginning: middle - margin,
            middle,
            end: middle + margin,
            mailed: vec![Vec::new(); people.len()],
            texts: vec![BTreeMap::new(); people.len()],
            people,
            rounds: 0,
        };
        let inboxes = Inboxes::memory_with(settings);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        inboxes.advance(Duration::from_secs(window.beginning as u64) - now);
        let has_moved = Arc::new(AtomicBool::new(false));
        let mut now = window.beginning;
        while now < window.end {
            if (now - window.beginning) % (12 * HOUR.as_secs() as i64) == 0 {
                window.notify(&inboxes).await;
            }
            has_moved.store(now >= window.middle, Ordering::SeqCst);
            window.send(&inboxes, &has_moved, now).await;
            inboxes.advance(STEP);
            now += STEP.as_secs() as i64;
        }
        // What still waits.
        for _ in 0..3 {
            inboxes.advance(DAY);
            window.send(&inboxes, &has_moved, i64::MAX).await;
        }
        window
    }

    async fn notify(&mut self, inboxes: &Inboxes) {
        let text = format!("Round {}.", self.rounds);
        for hour in HOURS {
            let people = self.people.iter().enumerate();
            let people = people.filter(|(_, person)| person.hour == hour);
            let people = people.map(|(number, _)| Recipient::user(number));
            let note = Notification::new(format!("h{hour}"), Message::info(&*text));
            inboxes.salver.notify(people, note).await.unwrap();
        }
        self.rounds += 1;
    }

    async fn send(&mut self, inboxes: &Inboxes, has_moved: &Arc<AtomicBool>, now: i64) {
        let mailer = Mailer::memory();
        let (people, has_moved) = (Arc::clone(&self.people), Arc::clone(has_moved));
        let profiles = move |who: Vec<Recipient>| {
            let profile = |who: Recipient| {
                let number: usize = who.user_id().unwrap().parse().unwrap();
                let person = &people[number];
                let new_zone = person.moves_to.as_ref();
                let new_zone = new_zone.filter(|_| has_moved.load(Ordering::SeqCst));
                let (name, _) = new_zone.unwrap_or(&person.zone);
                Profile::new(who)
                    .email(format!("{number}@example.org"))
                    .time_zone(name)
            };
            let profiles = who.into_iter().map(profile).collect();
            async { Ok::<_, Error>(profiles) }
        };
        let worker = inboxes
            .salver
            .worker()
            .mail(mailer.clone())
            .profiles(profiles);
        worker.concurrency(1_000).drain().await.unwrap();
        for letter in mailer.sent() {
            let (number, _) = letter.to.split_once('@').unwrap();
            let number: usize = number.parse().unwrap();
            assert!(!letter.rows.is_empty(), "an empty mail");
            self.mailed[number].push(now);
            for one in letter.rows.iter().flat_map(|row| row.notifications()) {
                let text = one.text().to_owned();
                *self.texts[number].entry(text).or_insert(0) += 1;
            }
        }
    }

    /// Returns the local dates of digests that were sent until the end.
    fn dates(&self, number: usize, zone: &TimeZone) -> Vec<Date> {
        let until_end = self.mailed[number].iter().filter(|time| **time < self.end);
        until_end.map(|time| local_date(zone, *time)).collect()
    }

    /// Returns the local dates on which a person who stays gets a digest.
    fn expected(&self, person: &Person) -> Vec<Date> {
        let zone = &person.zone.1;
        let mut date = local_date(zone, self.beginning);
        let mut expected = Vec::new();
        while date <= local_date(zone, self.end) {
            let at = date.at(person.hour as i8, 0, 0, 0);
            let at = at
                .to_zoned_datetime(zone.clone())
                .unwrap()
                .timestamp()
                .as_second();
            // With the time over which they are spread, and one step.
            let latest = at + 2 * STEP.as_secs() as i64;
            if at >= self.beginning && latest < self.end {
                expected.push(date);
            }
            date = date.tomorrow().unwrap();
        }
        expected
    }

    fn check(&self) -> Verdict {
        let mut verdict = Verdict::default();
        for (number, person) in self.people.iter().enumerate() {
            let texts = &self.texts[number];
            assert_eq!(texts.len(), self.rounds, "{}: {texts:?}", person.zone.0);
            assert!(texts.values().all(|times| *times == 1), "{texts:?}");
            match &person.moves_to {
                None => self.check_dates(number, person, &mut verdict),
                Some((name, zone)) => {
                    let before = self.mailed[number]
                        .iter()
                        .filter(|time| **time < self.middle)
                        .count();
                    let old = &self.dates(number, &person.zone.1)[..before];
                    let dates = self.dates(number, zone);
                    let new = &dates[before.min(dates.len())..];
                    let moved = format!("{} to {name}: {old:?} {new:?}", person.zone.0);
                    for dates in [old, new] {
                        let different: BTreeSet<_> = dates.iter().collect();
                        assert_eq!(different.len(), dates.len(), "{moved}");
                    }
                    assert!((2..=4).contains(&dates.len()), "{moved}");
                }
            }
        }
        verdict
    }

    fn check_dates(&self, number: usize, person: &Person, verdict: &mut Verdict) {
        let (dates, expected) = (self.dates(number, &person.zone.1), self.expected(person));
        for date in &expected {
            let digests = dates.iter().filter(|one| *one == date).count();
            verdict.n += 1;
            verdict.received += usize::from(digests > 0);
            verdict.lost += usize::from(digests == 0);
            verdict.twice += digests.saturating_sub(1);
            if digests != 1 {
                println!("{} at {}: {date} has {digests}", person.zone.0, person.hour);
            }
        }
        let different: BTreeSet<_> = dates.iter().collect();
        verdict.twice += dates.len() - different.len();
    }
}

fn local_date(zone: &TimeZone, time: i64) -> Date {
    let time = Timestamp::from_second(time).unwrap();
    time.to_zoned_datetime(zone.clone()).date()
}

#[tokio::test]
async fn each_local_date_has_one_digest_in_every_time_zone() {
    let changes = zones_by_change();
    let (mut total, mut moved, mut zones) = (Verdict::default(), 0, BTreeSet::new());
    for (day, zones_of_day) in &changes {
        let window = Window::run(*day, zones_of_day).await;
        let verdict = window.check();
        add_up(&mut total, &verdict);
        moved += window
            .people
            .iter()
            .filter(|one| one.moves_to.is_some())
            .count();
        zones.extend(zones_of_day.iter().map(|(name, _)| name));
    }
    let more = format!("zones={} days={} moved={moved}", zones.len(), changes.len());
    assert!(zones.len() > 400, "{more}");
    report("mail_time_zones", total, 0, more);
}
