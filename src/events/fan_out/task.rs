//! The task of a job that fans out an event.

use serde::{Deserialize, Serialize};

use crate::Recipient;
use crate::events::fan_out::page::Cursor;
use crate::events::fan_out::step_error::StepError;
use crate::events::limits::MAX_FAILED_RECIPIENTS;

/// The task of a job that fans out an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FanOutTask {
    #[serde(default)]
    pub(super) cursor: Cursor,
    /// Whether the event is delivered to endpoints.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) has_deliveries: bool,
    /// Those in the index who could not be notified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<Recipient>,
    /// Whether all others are notified, and those are attempted again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) retries_failed: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl FanOutTask {
    /// Returns the task of the next step, `None` after the last one. Those who could not be notified wait until all others
    /// are.
    ///
    /// # Errors
    ///
    /// The first failure of those who were attempted again, or when too many wait: the step is repeated.
    pub(super) fn after(
        mut self,
        failures: Vec<(Recipient, StepError)>,
        next: Option<Cursor>,
    ) -> Result<Option<Self>, StepError> {
        let waiting = self.failed.len() + failures.len();
        let is_final = self.retries_failed || waiting > MAX_FAILED_RECIPIENTS;
        for (recipient, failure) in failures {
            if is_final {
                return Err(failure);
            }
            self.failed.push(recipient);
        }
        Ok(match next {
            Some(cursor) => Some(Self { cursor, ..self }),
            None if self.retries_failed || self.failed.is_empty() => None,
            None => Some(Self {
                retries_failed: true,
                ..self
            }),
        })
    }
}
