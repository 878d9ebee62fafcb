//! What workers do with the jobs of a queue.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
#[cfg(feature = "events")]
use serde_json::Value;

use crate::Error;
use crate::jobs::record::StoredJob;

/// Performs the jobs of one queue.
pub(crate) trait Handler: Send + Sync {
    /// Returns the name of the queue.
    fn queue(&self) -> &'static str;

    /// Checks what can be known before the first job.
    ///
    /// # Errors
    ///
    /// `is_misconfigured` and `is_invalid`.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Returns how many jobs are attempted at the same time. `setting`: that of the worker.
    fn concurrency(&self, setting: usize) -> usize {
        setting
    }

    /// Returns how long one attempt lasts at most. `setting`: that of the worker.
    fn attempt_timeout(&self, setting: Duration) -> Duration {
        setting
    }

    /// Prepares the store before the first job of a worker that runs.
    fn begin(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Checks whether the store still has what [`begin`](Self::begin) has prepared, and prepares it again if not.
    /// A worker that runs calls it with each of its reports.
    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Reports that a job is about to be dead: its last attempt has failed, has panicked or took too long, or no attempt of
    /// it has ended. It may have been reported before.
    ///
    /// # Errors
    ///
    /// Those of the store: the job is not dead then, unless another attempt would have the same error.
    fn report_dead<'a>(&'a self, _job: &'a StoredJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Attempts a job. It may have been attempted before, even with success: the process that did so may
    /// have been killed before it could record it. The worker drops the future at the timeout.
    /// `now`: the time of the store, in Unix milliseconds.
    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome>;
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, or is not wanted any more.
    Done,
    /// A part of it is done. The job goes on at once, with this task.
    #[cfg(feature = "events")]
    Continue(Value),
    /// It failed, and another attempt may succeed.
    Failed(String),
    /// It failed, and another attempt may succeed, but not before so long.
    #[cfg(feature = "webhooks")]
    FailedUntil { reason: String, delay: Duration },
    /// It failed, and every other attempt would too.
    Dead(String),
    /// Another worker can perform it. It counts as no attempt, and waits for so long.
    Later(Duration),
    /// No job of this queue can succeed at present. It counts as no attempt, and the queue rests.
    Unavailable(String),
}

/// Returns the task of a job, or the outcome of one that cannot be read.
pub(crate) fn read_task<T: DeserializeOwned>(job: &StoredJob) -> Result<T, Outcome> {
    let task = serde_json::from_value(job.record.task.clone());
    task.map_err(|error| Outcome::Dead(format!("the job cannot be read: {error}")))
}

/// How long a job waits that the store has interrupted. While the store is down, claims fail and wait by themselves.
const STORE_DELAY: Duration = Duration::from_secs(1);
/// How long a job waits that has found another queue full. Its whole attempt is repeated, requests to others included.
const FULL_DELAY: Duration = Duration::from_secs(30);

/// The outcome of an attempt that an error of the store has ended.
impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        // No fault of the job: it must not be dead when the queue has room again.
        if error.is_full() {
            return Self::Later(FULL_DELAY);
        }
        // A write without a reply is repeated: every step may be.
        match error.is_unavailable() || error.is_in_doubt() {
            true => Self::Later(STORE_DELAY),
            false => Self::Failed(error.to_string()),
        }
    }
}

impl Outcome {
    /// Returns the name for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            #[cfg(feature = "events")]
            Self::Continue(_) => "continued",
            Self::Failed(_) => "failed",
            #[cfg(feature = "webhooks")]
            Self::FailedUntil { .. } => "failed",
            Self::Dead(_) => "dead",
            Self::Later(_) => "later",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
