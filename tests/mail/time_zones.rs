//! Daily digests of people in many time zones, over days on which clocks change, with a worker that is stopped in
//! the middle of its work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Recipient, SalverBuilder};

use crate::support::inboxes::{Inboxes, note};

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

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("*", Cadence::Daily { hour: 8 })
}

fn people() -> usize {
    match std::env::var_os("SALVER_TEST_FULL") {
        Some(_) => 10_000,
        None => 400,
    }
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

/// What a person was mailed: the step and the texts by the id of the mail, and how often it was repeated.
#[derive(Default)]
struct Mails {
    first: BTreeMap<usize, BTreeSet<String>>,
    ids: BTreeSet<String>,
    repeated: usize,
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
            let worker = inboxes
                .salver
                .worker()
                .mail(mailer.clone())
                .profiles(profiles);
            let worker = worker.concurrency(500);
            inboxes.salver.stop_after(calls);
            tokio::select! {
                biased;
                drained = worker.drain() => drop(drained.unwrap()),
                () = inboxes.salver.stopped() => stops += 1,
            }
            inboxes.salver.stop_after(u64::MAX);
            for letter in mailer.sent() {
                let of_person: &mut Mails = mails.entry(letter.to.clone()).or_default();
                let notifications = letter.rows.iter().flat_map(|row| row.notifications());
                let texts: BTreeSet<_> = notifications.map(|one| one.text().to_owned()).collect();
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
