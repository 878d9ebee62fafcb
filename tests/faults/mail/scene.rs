//! A site with mails under a fault: its Redis server, its SMTP server, and what it has notified.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use salver::jobs::{Delivery, DeliveryCounts, DeliveryState};
use salver::{Error, Recipient, Salver};

use crate::support::cluster::Cluster;
use crate::support::history::Row;
use crate::support::inboxes::Inboxes;
use crate::support::mail_history::MailHistory;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::{
    AT_ONCE, DAILY, WorkerProcess, mail_settings, mail_site, mail_worker,
};

/// Longer than the lease of a job and its first delays.
pub const LEASE: Duration = Duration::from_secs(151);
/// Until every person's digest of the next day is due: a scene begins at noon, and digests are sent at 8.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Noon, after the midnight of a multiple of days.
const NOON: Duration = Duration::from_secs(12 * 60 * 60);
/// How long no mail may come while a test waits for mails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a notifier repeats a call that fails.
const NOTIFY_PATIENCE: Duration = Duration::from_secs(30);
/// Notifiers at the same time.
const NOTIFIERS: usize = 8;

/// The kinds of mails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    AtOnce,
    Digest,
}

pub const KINDS: [Kind; 2] = [Kind::AtOnce, Kind::Digest];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => AT_ONCE,
            Self::Digest => DAILY,
        }
    }

    /// Returns how many notifications one mail has.
    pub fn notes(self) -> usize {
        match self {
            Self::AtOnce => 1,
            Self::Digest => 2,
        }
    }
}

pub struct Scene {
    pub inboxes: Inboxes,
    pub smtp: SmtpServer,
    pub history: MailHistory,
    redis: String,
}

impl Scene {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a scene whose Redis server has options of its own.
    pub fn start_with(options: &[&str]) -> Self {
        let inboxes = Inboxes::redis_with_clock_and_options(mail_settings, options);
        let server = inboxes.server.as_ref().unwrap();
        let (time, url) = (server.run(&[b"TIME"]), server.url());
        Self::at_noon(inboxes, time, url)
    }

    /// Starts a scene in a Cluster.
    pub fn start_in(start: impl FnOnce(&Path) -> Cluster) -> (Self, Cluster) {
        let (inboxes, cluster) = Inboxes::cluster_with_running_clock(mail_settings, start);
        let node = &cluster.nodes[0];
        let scene = Self::at_noon(inboxes, node.run(&[b"TIME"]), node.url());
        (scene, cluster)
    }

    fn at_noon(inboxes: Inboxes, (time, _): (u64, u64), redis: String) -> Self {
        let today = time % DAY.as_secs();
        inboxes.advance(DAY + NOON - Duration::from_secs(today));
        Self {
            redis,
            inboxes,
            smtp: SmtpServer::start(),
            history: MailHistory::default(),
        }
    }

    pub fn redis(&self) -> &str {
        &self.redis
    }

    pub fn worker(&self) -> WorkerProcess {
        WorkerProcess::start(&self.redis, &self.smtp)
    }

    /// Notifies people as often as one mail has notifications. Repeats calls until they succeed.
    pub async fn notify(&self, kind: Kind, people: Range<usize>) -> Notified {
        self.notify_by(&mail_site(&self.redis), kind, people).await
    }

    /// Notifies people over a handle.
    pub async fn notify_by(&self, salver: &Salver, kind: Kind, people: Range<usize>) -> Notified {
        let calls = people.flat_map(|person| (0..kind.notes()).map(move |_| person));
        let calls = stream::iter(calls).map(|person| self.notify_one(salver, kind, person));
        let calls = calls.buffer_unordered(NOTIFIERS);
        let add_up = |total: Notified, call| async move { total.and(&call) };
        calls.fold(Notified::default(), add_up).await
    }

    async fn notify_one(&self, salver: &Salver, kind: Kind, person: usize) -> Notified {
        let (person, started) = (format!("p{person}"), Instant::now());
        let (number, note) = self.history.note(kind.name(), &person);
        let mut outcome = Notified::default();
        loop {
            let begun = Instant::now();
            let call = salver.notify([Recipient::user(&person)], note.clone());
            let result = call.await;
            outcome.worst_wait = outcome.worst_wait.max(begun.elapsed());
            let Err(error) = result else {
                self.history.record_acknowledged(number);
                return outcome;
            };
            outcome.errors += 1;
            let is_expected = error.is_unavailable() || error.is_in_doubt() || error.is_full();
            assert!(
                is_expected && started.elapsed() < NOTIFY_PATIENCE,
                "{error:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until the server has accepted so many mails.
    pub async fn wait_for_mails(&self, number: usize) {
        let (mut last, mut last_progress) = (0, Instant::now());
        while last < number {
            let count = self.smtp.count();
            if count > last {
                (last, last_progress) = (count, Instant::now());
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "no mail after {last} of {number} in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until so many jobs wait for a later time, and none is due.
    pub async fn wait_for_later(&self, number: usize) {
        let (mut last, mut last_progress) = (DeliveryCounts::default(), Instant::now());
        loop {
            let counts = self.counts().await;
            if counts.due == 0 && counts.later == number as u64 {
                return;
            }
            if counts != last {
                (last, last_progress) = (counts, Instant::now());
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "{counts:?} is not {number} later"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn counts(&self) -> DeliveryCounts {
        self.inboxes.salver.deliveries().counts().await.unwrap()
    }

    /// Decides when the digests of what was notified are sent, and makes them due.
    pub async fn plan_digests(&self, kind: Kind) {
        if kind == Kind::Digest {
            self.drain().await;
            self.inboxes.advance(DAY);
        }
    }

    pub async fn drain(&self) {
        self.try_drain().await.unwrap();
    }

    /// Performs the jobs that are due.
    pub async fn try_drain(&self) -> Result<u64, Error> {
        let worker = mail_worker(&self.inboxes.salver, &self.smtp.url());
        worker.drain().await
    }

    /// Performs what is left, when its time has come.
    pub async fn finish(&self) {
        self.drain_until(0, DAY).await;
    }

    /// Performs jobs until so many wait for a later time, which comes by steps.
    pub async fn drain_until(&self, later: usize, step: Duration) {
        for _ in 0..20 {
            self.drain().await;
            let counts = self.counts().await;
            if counts.dead > 0 {
                panic!("{:?}", self.deliveries(DeliveryState::Dead).await);
            }
            if counts.due == 0 && counts.later == later as u64 {
                return;
            }
            self.inboxes.advance(step);
        }
        panic!("{:?} is not {later} later", self.counts().await);
    }

    pub async fn deliveries(&self, state: DeliveryState) -> Vec<Delivery> {
        let deliveries = self.inboxes.salver.deliveries();
        deliveries.list(state, None).await.unwrap()
    }

    /// Prints one row. Panics if a notification was not mailed, was mailed under two ids, or to another person.
    /// Returns how many mails were repeated.
    pub fn report(
        &self,
        test: &'static str,
        (worst_wait, recovery): (Duration, Duration),
        more: String,
    ) -> usize {
        let verdict = self.history.verdict(&self.smtp.mails());
        let again = verdict.again;
        Row {
            test,
            verdict,
            worst_wait,
            recovery,
            more,
        }
        .report();
        again
    }
}

/// What notifiers have observed.
#[derive(Debug, Default)]
pub struct Notified {
    pub errors: usize,
    pub worst_wait: Duration,
}

impl Notified {
    pub fn and(self, other: &Self) -> Self {
        Self {
            errors: self.errors + other.errors,
            worst_wait: self.worst_wait.max(other.worst_wait),
        }
    }
}
