//! What is stored about a job.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "redis")]
use crate::Error;
use crate::jobs::id::JobId;

/// Most failed attempts that a job remembers. Bounds its memory.
const MAX_ATTEMPTS: usize = 10;
/// Longest description of a failure in bytes, for the same reason.
const MAX_ERROR_BYTES: usize = 300;

/// The last failure of a job whose attempts ended no more than its workers did.
pub(crate) const NO_ATTEMPT_ENDED: &str = "no attempt ended: each worker died";

/// What is stored about a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What to do, as the handler of the queue reads it.
    pub(crate) task: Value,
    /// How many attempts have failed since the job was enqueued or replayed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) failures: u32,
    /// The last failed attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<Attempt>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// When it failed, in Unix milliseconds.
    pub at: u64,
    /// Why, for an operator. It has no content of a notification.
    pub error: String,
}

impl Record {
    pub(crate) fn new(task: Value) -> Self {
        Self {
            task,
            failures: 0,
            attempts: Vec::new(),
        }
    }

    /// Returns the record as JSON.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a task that is not JSON.
    #[cfg(feature = "redis")]
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self)
            .map_err(|cause| Error::invalid("job", "cannot be written as JSON").with_source(cause))
    }

    /// Returns the record after one more failed attempt.
    pub(crate) fn failed(mut self, at: u64, error: &str) -> Self {
        let boundaries = (0..=MAX_ERROR_BYTES.min(error.len())).rev();
        let kept = boundaries.filter_map(|end| error.get(..end)).next();
        self.failures += 1;
        self.attempts.push(Attempt {
            at,
            error: kept.unwrap_or_default().to_owned(),
        });
        let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS);
        self.attempts.drain(..surplus);
        self
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A job as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredJob {
    pub(crate) id: JobId,
    /// The time from which it may be claimed, the end of its lease, or when it died; Unix milliseconds.
    pub(crate) time: u64,
    /// How often it was claimed since its last outcome.
    pub(crate) claims: u32,
    pub(crate) record: Record,
}
