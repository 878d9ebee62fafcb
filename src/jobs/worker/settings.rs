//! The settings of a worker.

use std::time::Duration;

use crate::Error;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) concurrency: usize,
    pub(super) lease: Duration,
    pub(super) attempt_timeout: Duration,
    pub(super) poll_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 16,
            lease: Duration::from_secs(150),
            attempt_timeout: Duration::from_secs(120),
            poll_interval: Duration::from_secs(1),
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Settings {
    /// Returns the settings of a queue whose attempts last this long at most. Its lease is longer by as much as that of the
    /// worker is.
    pub(super) fn with_attempt_timeout(&self, attempt_timeout: Duration) -> Self {
        let margin = self.lease.saturating_sub(self.attempt_timeout);
        Self {
            attempt_timeout,
            lease: attempt_timeout + margin,
            ..self.clone()
        }
    }

    /// # Errors
    ///
    /// `is_invalid` for a value out of its range; `is_misconfigured` for a lease that is not longer than
    /// the timeout of an attempt: each job would be attempted twice at the same time.
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !(SECOND..=HOUR).contains(&self.lease) {
            return Err(Error::invalid(
                "lease",
                "is not between 1 second and 1 hour",
            ));
        }
        self.validate_apart_from_lease()?;
        match self.lease > self.attempt_timeout {
            true => Ok(()),
            false => Err(Error::misconfigured(
                "the lease of the worker is not longer than the timeout of an attempt",
            )),
        }
    }

    /// Checks the settings of a queue, whose lease may be over an hour: it is longer than the timeout of its attempts.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a value out of its range.
    pub(super) fn validate_apart_from_lease(&self) -> Result<(), Error> {
        if !(1..=1_000).contains(&self.concurrency) {
            return Err(Error::invalid("concurrency", "is not between 1 and 1,000"));
        }
        for (field, value, range, problem) in [
            (
                "attempt_timeout",
                self.attempt_timeout,
                10 * MILLISECOND..=HOUR,
                "is not between 10 ms and 1 hour",
            ),
            (
                "poll_interval",
                self.poll_interval,
                100 * MILLISECOND..=60 * SECOND,
                "is not between 100 ms and 1 minute",
            ),
        ] {
            if !range.contains(&value) {
                return Err(Error::invalid(field, problem));
            }
        }
        Ok(())
    }
}
