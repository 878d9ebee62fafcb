//! What the attempts of both kinds of job have in common.

use serde::de::DeserializeOwned;

use crate::Error;
use crate::jobs::{Outcome, StoredJob};

/// Returns the outcome of an attempt that an error has ended.
pub(super) fn outcome(attempt: Result<Outcome, Error>) -> Outcome {
    attempt.unwrap_or_else(|error| match error.is_unavailable() {
        true => Outcome::Unavailable(error.to_string()),
        false => Outcome::Failed(error.to_string()),
    })
}

/// Returns the task of a job, or the outcome of one that cannot be read.
pub(super) fn task<T: DeserializeOwned>(job: &StoredJob) -> Result<T, Outcome> {
    let task = serde_json::from_value(job.record.task.clone());
    task.map_err(|error| Outcome::Dead(format!("the job cannot be read: {error}")))
}
