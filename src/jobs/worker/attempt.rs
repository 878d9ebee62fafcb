//! One attempt of a job, and what is recorded about it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::jobs::handler::Outcome;
use crate::jobs::record::{NO_ATTEMPT_ENDED, Record, StoredJob};
use crate::jobs::retry_schedule::next_attempt;
use crate::jobs::store_trait::{MAX_CLAIMS, Next};
use crate::jobs::worker::queue::Queue;
use crate::jobs::worker::recorder::{DoneJob, until_recorded};
use crate::store::millis;
use crate::telemetry::{Timer, record_attempt};

/// A job that this worker has claimed.
pub(super) struct Attempt {
    pub(super) queue: Arc<Queue>,
    pub(super) partition: usize,
    pub(super) job: StoredJob,
    /// The time of the store at the claim.
    pub(super) now: u64,
    pub(super) claimed_at: Instant,
}

/// How an attempt has ended.
pub(super) enum Ended {
    /// To be recorded.
    Done(DoneJob),
    /// Another attempt is to be made, or the job is dead. Recorded.
    Retried(Outcome),
    /// The lease is too old.
    LeftToOthers,
}

impl Attempt {
    /// Performs the job and records the outcome, unless the job is done: those are recorded together.
    pub(super) async fn run(self) -> Ended {
        let settings = &self.queue.settings;
        // A process that was paused: another one may have the job before this attempt ends.
        if self.claimed_at.elapsed() > settings.lease / 2 {
            return Ended::LeftToOthers;
        }
        let timer = Timer::start();
        let outcome = match self.has_crashed() {
            true => Outcome::Dead(NO_ATTEMPT_ENDED.to_owned()),
            false => self.attempt().await,
        };
        let Queue {
            salver, handler, ..
        } = &*self.queue;
        record_attempt(salver.shared_app(), handler.queue(), outcome.name(), timer);
        let next = match &outcome {
            Outcome::Done => {
                #[cfg(all(feature = "webhooks", feature = "web"))]
                salver.count_done(handler.queue());
                return Ended::Done(self.done());
            }
            #[cfg(feature = "events")]
            Outcome::Continue(task) => (Record::new(task.clone()), Next::After(Duration::ZERO)),
            Outcome::Failed(reason) => self.failed(reason, Duration::ZERO),
            #[cfg(feature = "webhooks")]
            Outcome::FailedUntil { reason, delay } => self.failed(reason, *delay),
            Outcome::Dead(reason) => (self.record().failed(self.now(), reason), Next::Dead),
            Outcome::Later(delay) => (self.record(), Next::After(*delay)),
            Outcome::Unavailable(_) => (self.record(), Next::After(Duration::ZERO)),
        };
        if next.1 == Next::Dead
            && let Some(later) = self.report_dead().await
        {
            // A lease that ends counts as one more claim; another outcome would let it be attempted again.
            if self.has_crashed() {
                return Ended::LeftToOthers;
            }
            self.retry((self.record(), Next::After(later))).await;
            return Ended::Retried(Outcome::Later(later));
        }
        self.retry(next).await;
        Ended::Retried(outcome)
    }

    /// Returns whether no attempt of the job has ended, so often that it is not attempted again.
    fn has_crashed(&self) -> bool {
        self.job.claims > MAX_CLAIMS
    }

    /// Performs the job.
    async fn attempt(&self) -> Outcome {
        let attempt = self.queue.handler.attempt(&self.job, self.now());
        // The code of the site may panic, in a template for example.
        let attempt = AssertUnwindSafe(attempt).catch_unwind();
        let end = self.claimed_at + self.queue.settings.attempt_timeout;
        match timeout_at(end, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => self.panicked(),
            Err(_) => Outcome::Failed("took too long".to_owned()),
        }
    }

    /// Reports that the job is dead, before that is recorded: it is reported also if this process is killed in between.
    /// Returns after which time it is to be reported again; `None` if it is dead now.
    async fn report_dead(&self) -> Option<Duration> {
        let Queue { handler, .. } = &*self.queue;
        let report = handler.report_dead(&self.job);
        let error = match timeout_at(self.lease_end(), report).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => error,
            // Another worker has the job.
            Err(_) => return Some(Duration::ZERO),
        };
        let (queue, id) = (handler.queue(), self.job.id);
        tracing::warn!(%error, %id, queue, "it was not reported that a job is dead");
        match Outcome::from(error) {
            Outcome::Later(delay) => Some(delay),
            _ => None,
        }
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

    fn done(&self) -> DoneJob {
        DoneJob {
            partition: self.partition,
            id: self.job.id,
            lease_end: self.lease_end(),
        }
    }

    fn record(&self) -> Record {
        self.job.record.clone()
    }

    /// Returns the record after a failure, and when the next attempt is: not before a delay.
    fn failed(&self, reason: &str, delay: Duration) -> (Record, Next) {
        let record = self.record().failed(self.now(), reason);
        let next = match next_attempt(record.failures) {
            Next::After(scheduled) => Next::After(scheduled.max(delay)),
            Next::Dead => Next::Dead,
        };
        (record, next)
    }

    /// Lets another claim have the job at once. This one does not count: the job was not attempted.
    pub(super) async fn release(self) -> Ended {
        let job = StoredJob {
            claims: self.job.claims - 1,
            ..self.job.clone()
        };
        self.store(job, Next::After(Duration::ZERO)).await;
        Ended::LeftToOthers
    }

    /// Records that the job is not done.
    async fn retry(&self, (record, next): (Record, Next)) {
        let job = StoredJob {
            claims: 0,
            record,
            ..self.job
        };
        self.store(job, next).await;
    }

    async fn store(&self, job: StoredJob, next: Next) {
        let Queue { salver, store, .. } = &*self.queue;
        let (key, id) = (self.queue.key(self.partition), job.id);
        let retry = || store.retry(key, &job, next);
        let write = || salver.write_idempotent("retry_job", retry);
        if let Err(error) = until_recorded(self.lease_end(), write).await {
            let queue = self.queue.handler.queue();
            tracing::warn!(%error, %id, queue, "the outcome of a job was not recorded; it will be attempted again");
        }
    }

    fn lease_end(&self) -> Instant {
        self.claimed_at + self.queue.settings.lease
    }

    /// Returns the time of the store.
    fn now(&self) -> u64 {
        self.now + millis(self.claimed_at.elapsed())
    }
}
