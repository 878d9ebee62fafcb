//! People who have subscribed to events, and their notifications.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use salver::events::{Event, Subscription};
use salver::jobs::{DeliveryState, Worker};
use salver::{Error, InboxFilter, Message, Recipient, Salver};

use crate::support::history::{Row, Verdict};
use crate::support::inboxes::Inboxes;
use crate::support::redis::Server;

/// Calls at the same time.
const CALLS: usize = 64;
/// How long a test waits for the next notification.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the lease of a job, and than the first delays.
pub const LEASE: Duration = Duration::from_secs(151);

pub fn edits() -> Subscription {
    Subscription::new("wiki.edit").filter("language", "de")
}

/// The event of a number, the same for each publisher.
pub fn edit(number: usize) -> Event {
    let event = Event::new("wiki.edit").id(format!("revision-{number}"));
    let event = event.filter("language", "de").data(number);
    event.message(Message::info(format!("Revision {number}.")))
}

pub fn person(number: usize) -> Recipient {
    Recipient::user(format!("p{number}"))
}

pub async fn subscribe(salver: &Salver, people: Range<usize>) {
    let calls = stream::iter(people);
    let calls = calls.map(|number| async move { salver.subscribe(&person(number), edits()).await });
    let calls: Vec<_> = calls.buffer_unordered(CALLS).collect().await;
    for call in calls {
        call.unwrap();
    }
}

/// Repeats a call until it succeeds. Returns how often it has failed.
pub async fn until_accepted(call: impl AsyncFn() -> Result<(), Error>) -> usize {
    let (mut errors, started) = (0, Instant::now());
    while let Err(error) = call().await {
        let is_expected = error.is_unavailable() || error.is_in_doubt() || error.is_full();
        assert!(is_expected && started.elapsed() < PATIENCE, "{error:?}");
        errors += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    errors
}

/// Returns the texts of a person's notifications.
pub async fn notified(salver: &Salver, person: &Recipient) -> Vec<String> {
    let filter = InboxFilter::all().ungrouped().limit(100);
    let page = salver.inbox(person).list(&filter, None).await.unwrap();
    let texts = page.rows.iter().map(|row| row.newest.text().to_owned());
    texts.collect()
}

/// Counts the notifications of people: each of `events` once.
pub async fn verdict(salver: &Salver, people: Range<usize>, events: Range<usize>) -> Verdict {
    let mut verdict = Verdict::default();
    for number in people {
        let notified = notified(salver, &person(number)).await;
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for text in &notified {
            *times.entry(text).or_default() += 1;
        }
        for event in events.clone() {
            let times = times
                .remove(format!("Revision {event}.").as_str())
                .unwrap_or(0);
            verdict.n += 1;
            verdict.received += times.min(1);
            verdict.lost += usize::from(times == 0);
            verdict.twice += times.saturating_sub(1);
        }
        verdict.misdelivered += times.len();
    }
    verdict
}

/// Returns how many inboxes a server has, and how many notifications, without reading them.
pub fn inboxes(server: &Server) -> (usize, usize) {
    let script = "local keys, all = redis.call('KEYS', 'app!inbox:*'), 0
        for _, key in ipairs(keys) do all = all + redis.call('ZCARD', key) end
        return {#keys, all}";
    server.run(&[b"EVAL", script.as_bytes(), b"0"])
}

/// How many inboxes there are, without a look at them: a server with many keys would be busy with it.
pub struct Progress<'a> {
    scene: &'a Inboxes,
    /// The keys before the first inbox.
    keys: usize,
}

impl<'a> Progress<'a> {
    /// The keys of an inbox with one notification.
    const KEYS: usize = 3;

    pub fn begin(scene: &'a Inboxes) -> Self {
        let mut progress = Self { scene, keys: 0 };
        progress.keys = progress.count_keys();
        progress
    }

    fn count_keys(&self) -> usize {
        self.scene.server.as_ref().unwrap().run(&[b"DBSIZE"])
    }

    /// Returns about how many inboxes there are.
    pub fn inboxes(&self) -> usize {
        self.count_keys().saturating_sub(self.keys) / Self::KEYS
    }

    /// Waits until there are so many inboxes. The clock of the server stands still: a job whose claim was answered too
    /// late would stay leased for ever, so it is moved when nothing happens.
    pub async fn wait_for(&self, number: usize) {
        let (mut last, mut last_progress) = (0, Instant::now());
        let mut is_moved = false;
        while last < number {
            let count = self.inboxes();
            if count > last {
                (last, last_progress, is_moved) = (count, Instant::now(), false);
            }
            if last_progress.elapsed() > PATIENCE / 3 && !is_moved {
                self.scene.advance(LEASE);
                is_moved = true;
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "no inbox after {last} of {number} in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Performs all jobs. Failed attempts are made again by hand instead of after their delays.
pub async fn drain_with_retries(salver: &Salver, worker: &Worker) {
    loop {
        worker.drain().await.unwrap();
        let deliveries = salver.deliveries();
        let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
        if waiting.is_empty() {
            return;
        }
        for one in waiting {
            deliveries.retry(&one.id).await.unwrap();
        }
    }
}

/// Waits until no job is due, nor leased.
pub async fn wait_until_done(salver: &Salver) {
    let started = Instant::now();
    loop {
        let counts = salver.deliveries().counts().await;
        if counts.is_ok_and(|counts| counts.due + counts.later == 0) {
            return;
        }
        assert!(started.elapsed() < 2 * PATIENCE, "jobs are left");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Prints one row. Panics if an event was lost, arrived twice, or reached another person.
pub fn report(
    test: &'static str,
    verdict: Verdict,
    (worst_wait, recovery): (Duration, Duration),
    more: String,
) {
    Row {
        test,
        verdict,
        worst_wait,
        recovery,
        more,
    }
    .report();
}
