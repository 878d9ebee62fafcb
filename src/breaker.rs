//! The circuit breaker: a store in trouble is not asked by every page.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, telemetry};

/// Failures in a row that open it. One may be a slip; after three, pages stop waiting.
const FAILURE_THRESHOLD: u32 = 3;
/// How long it stays open before one call tries, doubled by each try that fails.
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
/// Longest rest: how late a store that came back may be noticed.
const MAX_BACKOFF: Duration = Duration::from_millis(200);

/// One for all handles of a store in this process, outside of the store and its client.
///
/// What counts: the store could not be reached, refused for its own state, or did not answer in time. What
/// does not: an error about one key, about rights or about memory, since the next call may be fine; and a store
/// that only takes no writes, since pages can still read.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody asks; none while it is closed.
    open_until: Option<Instant>,
    /// Whether somebody is trying.
    is_probing: bool,
}

impl Breaker {
    /// Lets a call through, or says at once that it is of no use.
    pub(crate) fn enter(&self) -> Result<Permit<'_>, Error> {
        let mut state = self.state();
        let probe = state.open_until.is_some();
        if let Some(until) = state.open_until
            && (state.is_probing || Instant::now() < until)
        {
            return Err(Error::unavailable(
                "circuit breaker open; the store is not called",
            ));
        }
        state.is_probing = probe;
        Ok(Permit {
            breaker: self,
            is_probe: probe,
        })
    }

    /// Tells whether the last calls failed, and only one at a time asks.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open_until.is_some()
    }

    /// Notes that somebody was answered, who may have asked past it.
    pub(crate) fn record_success(&self) {
        let mut state = self.state();
        if state.open_until.is_some() {
            telemetry::record_breaker_state(false);
            tracing::info!("circuit breaker closed; store reachable");
        }
        *state = State::default();
    }

    fn record_failure(&self, error: &Error) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.is_probing = false;
        if state.failures < FAILURE_THRESHOLD {
            return;
        }
        if state.open_until.is_none() {
            telemetry::record_breaker_state(true);
            tracing::warn!(%error, "circuit breaker opened after 3 consecutive store failures; pages are served without messages");
        }
        let tries = (state.failures - FAILURE_THRESHOLD).min(8);
        let rest = (INITIAL_BACKOFF * 2_u32.pow(tries)).min(MAX_BACKOFF);
        state.open_until = Some(Instant::now() + rest);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Three plain values: whole whenever a panic strikes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Dropped without an outcome, the next call may try.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Permit<'_> {
    /// Notes what became of the call.
    pub(crate) fn record<T>(mut self, outcome: &Result<T, Error>) {
        // Nobody was asked: that says nothing of the store.
        if outcome.as_ref().is_err_and(Error::is_replica_queue_full) {
            return;
        }
        self.is_probe = false;
        match outcome {
            Err(error) if error.trips_breaker() => {
                self.breaker.record_failure(error);
            }
            _ => self.breaker.record_success(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().is_probing = false;
        }
    }
}
