//! The circuit breaker: a store in trouble is not asked by every page.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, telemetry};

/// Failures in a row that open it. One may be a slip; after three, pages stop waiting.
const FAILURES: u32 = 3;
/// How long it stays open before one call tries, doubled by each try that fails.
const REST: Duration = Duration::from_millis(25);
/// Longest rest: how late a store that came back may be noticed.
const LONGEST_REST: Duration = Duration::from_millis(200);

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
    open: Option<Instant>,
    /// Whether somebody is trying.
    probing: bool,
}

impl Breaker {
    /// Lets a call through, or says at once that it is of no use.
    pub(crate) fn enter(&self) -> Result<Pass<'_>, Error> {
        let mut state = self.state();
        let probe = state.open.is_some();
        if let Some(until) = state.open
            && (state.probing || Instant::now() < until)
        {
            return Err(Error::unavailable(
                "the store is in trouble and not asked for a moment",
            ));
        }
        state.probing = probe;
        Ok(Pass {
            breaker: self,
            probe,
        })
    }

    /// Tells whether the last calls failed, and only one at a time asks.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open.is_some()
    }

    /// Notes that somebody was answered, who may have asked past it.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        if state.open.is_some() {
            telemetry::breaker(false);
            tracing::info!("the store answers again");
        }
        *state = State::default();
    }

    fn failed(&self, error: &Error) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.probing = false;
        if state.failures < FAILURES {
            return;
        }
        if state.open.is_none() {
            telemetry::breaker(true);
            tracing::warn!(%error, "the store is in trouble: pages go out without asking it");
        }
        let tries = (state.failures - FAILURES).min(8);
        let rest = (REST * 2_u32.pow(tries)).min(LONGEST_REST);
        state.open = Some(Instant::now() + rest);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Three plain values: whole whenever a panic strikes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Dropped without an outcome, the next call may try.
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Pass<'_> {
    /// Notes what became of the call.
    pub(crate) fn note<T>(mut self, outcome: &Result<T, Error>) {
        // Nobody was asked: that says nothing of the store.
        if outcome.as_ref().is_err_and(Error::is_crowded) {
            return;
        }
        self.probe = false;
        match outcome {
            Err(error) if error.is_trouble() => {
                self.breaker.failed(error);
            }
            _ => self.breaker.succeeded(),
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state().probing = false;
        }
    }
}
