//! One attempt of a job, and what is recorded about it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::Backoff;
use crate::jobs::handler::{Handler, Outcome};
use crate::jobs::heartbeat::Resting;
use crate::jobs::record::{Record, StoredJob};
use crate::jobs::retry_schedule::next_attempt;
use crate::jobs::store_trait::{JobStore, MAX_CLAIMS, Next, QueueKey};
use crate::jobs::worker::settings::Settings;
use crate::store::millis;
use crate::{Error, Salver};

/// Delays between attempts to record an outcome. A mail whose success is not recorded is sent again.
const RECORD_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// All that the attempts of one queue share.
pub(super) struct Queue {
    pub(super) salver: Salver,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) settings: Settings,
    /// Why queues of the worker rest, for its reports.
    pub(super) resting: Arc<Resting>,
}

/// A job that this worker has claimed.
pub(super) struct Attempt {
    pub(super) queue: Arc<Queue>,
    pub(super) partition: usize,
    pub(super) job: StoredJob,
    /// The time of the store at the claim.
    pub(super) now: u64,
    pub(super) claimed_at: Instant,
}

impl Queue {
    pub(super) fn key(&self, partition: usize) -> QueueKey<'_> {
        QueueKey {
            app: self.salver.app(),
            queue: self.handler.queue(),
            partition,
        }
    }
}

impl Attempt {
    /// Performs the job and records the outcome. Returns it, unless the job was left to another worker.
    pub(super) async fn run(self) -> Option<Outcome> {
        let settings = &self.queue.settings;
        // A process that was paused: another one may have the job before this attempt ends.
        if self.claimed_at.elapsed() > settings.lease / 2 {
            return None;
        }
        let attempt = self.queue.handler.attempt(&self.job, self.now());
        // The code of the site may panic, in a template for example.
        let attempt = AssertUnwindSafe(attempt).catch_unwind();
        let outcome = match timeout_at(self.claimed_at + settings.attempt_timeout, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => self.panicked(),
            Err(_) => Outcome::Failed("took too long".to_owned()),
        };
        self.record(&outcome).await;
        Some(outcome)
    }

    /// Returns the outcome of an attempt that has panicked. It is retried up to `MAX_CLAIMS` times, like a job that
    /// kills its worker. The panic hook has reported it.
    fn panicked(&self) -> Outcome {
        let reason = "panicked".to_owned();
        match self.job.record.failures + 1 >= MAX_CLAIMS {
            true => Outcome::Dead(reason),
            false => Outcome::Failed(reason),
        }
    }

    /// Records an outcome. While the store does not reply it tries again until the lease ends: then another
    /// worker attempts the job.
    async fn record(&self, outcome: &Outcome) {
        let (record, next) = self.after(outcome);
        let mut backoff = RECORD_BACKOFF;
        while let Err(error) = self.write(&record, next).await {
            let delay = backoff.next_jittered();
            if self.claimed_at.elapsed() + delay > self.queue.settings.lease {
                let (id, queue) = (self.job.id, self.queue.handler.queue());
                tracing::warn!(%error, %id, queue, "the outcome of a job was not recorded; it will be attempted again");
                return;
            }
            sleep(delay).await;
        }
    }

    /// Returns the record after an outcome, and when the next attempt is; `None` for no other.
    fn after(&self, outcome: &Outcome) -> (Record, Option<Next>) {
        let record = self.job.record.clone();
        let now = self.now();
        match outcome {
            Outcome::Done => (record, None),
            Outcome::Failed(reason) => {
                let record = record.failed(now, reason);
                let next = next_attempt(record.failures);
                (record, Some(next))
            }
            Outcome::Dead(reason) => (record.failed(now, reason), Some(Next::Dead)),
            Outcome::Later(delay) => (record, Some(Next::After(*delay))),
            Outcome::Unavailable(_) => (record, Some(Next::After(Duration::ZERO))),
        }
    }

    /// Returns the time of the store.
    fn now(&self) -> u64 {
        self.now + millis(self.claimed_at.elapsed())
    }

    async fn write(&self, record: &Record, next: Option<Next>) -> Result<(), Error> {
        let Queue { salver, store, .. } = &*self.queue;
        let (key, id) = (self.queue.key(self.partition), self.job.id);
        match next {
            None => {
                let finish = || async move { store.finish(key, &[id]).await };
                salver.write_idempotent("finish_job", finish).await?;
            }
            Some(next) => {
                let lease_end = self.job.time;
                let retry = || store.retry(key, id, lease_end, record, next);
                salver.write_idempotent("retry_job", retry).await?;
            }
        }
        Ok(())
    }
}
