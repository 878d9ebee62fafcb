//! The errors of a step of a fan-out.

use std::any::Any;
use std::panic::resume_unwind;

use crate::Error;
use crate::jobs::Outcome;

/// Why a step of a fan-out ends early.
pub(super) enum StepError {
    Store(Error),
    Outcome(Outcome),
    /// The code of the site has panicked, with this payload.
    Panic(Box<dyn Any + Send>),
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<Outcome> for StepError {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<StepError> for Outcome {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Store(error) => error.into(),
            StepError::Outcome(outcome) => outcome,
            // The attempt ends by it, once the others are notified.
            StepError::Panic(payload) => resume_unwind(payload),
        }
    }
}
