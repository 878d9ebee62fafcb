//! The circuit breaker: stops calls to a failing store, so that pages do not wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::{Error, telemetry};

/// Consecutive failures that open the breaker. One failure may be transient; after three, pages no
/// longer wait for the store.
const FAILURE_THRESHOLD: u32 = 3;
/// Time from opening to the first probe, doubled by each probe that fails.
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
/// Longest time between two probes. Bounds how late the recovery of a store is detected.
const MAX_BACKOFF: Duration = Duration::from_millis(200);
/// How long a probe without an outcome rejects other calls. A call may wait longer for a reply that was
/// lost, although the store is reachable again.
const MAX_PROBE_TIME: Duration = MAX_BACKOFF;

/// The circuit breaker that all handles of a store share in this process. It is independent of the
/// store and its client.
///
/// A call counts as a failure if the store was unreachable, rejected the call because of its own
/// state, or did not reply in time. An error about one key, permissions or memory does not count,
/// since the next call may succeed. Neither does a read-only store, since pages can still read.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug)]
struct State {
    failures: u32,
    /// Delays until the next probe.
    backoff: Backoff,
    /// Time until which all calls are rejected; `None` while the breaker is closed.
    open_until: Option<Instant>,
    /// Number of times that the breaker has opened or closed. The failure of a call that was admitted
    /// earlier is no evidence about the store now.
    changes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            failures: 0,
            backoff: Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF),
            open_until: None,
            changes: 0,
        }
    }
}

impl Breaker {
    /// Admits a call: every call while the breaker is closed, one probe at a time while it is open, or another
    /// when the last has no outcome after [`MAX_PROBE_TIME`].
    ///
    /// # Errors
    ///
    /// `is_unavailable`, immediately, while the breaker is open and no probe is due.
    pub(crate) fn enter(&self) -> Result<Permit<'_>, Error> {
        let mut state = self.state();
        let changes = state.changes;
        let is_probe = state.open_until.is_some();
        if let Some(until) = &mut state.open_until {
            let now = Instant::now();
            if now < *until {
                return Err(Error::unavailable(
                    "circuit breaker open; the store is not called",
                ));
            }
            *until = now + MAX_PROBE_TIME;
        }
        Ok(Permit {
            breaker: self,
            is_probe,
            changes,
        })
    }

    /// Returns whether the breaker is open: the last calls failed, and only probes are admitted.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open_until.is_some()
    }

    /// Records a successful call and closes the breaker. The call may have bypassed the breaker, as
    /// a health check does.
    pub(crate) fn record_success(&self) {
        let mut state = self.state();
        if state.open_until.is_some() {
            telemetry::record_breaker_state(false);
            tracing::info!("circuit breaker closed; store reachable");
            state.changes += 1;
        }
        *state = State {
            changes: state.changes,
            ..State::default()
        };
    }

    fn record_failure(&self, error: &Error, changes: u64) {
        let mut state = self.state();
        if changes != state.changes {
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURE_THRESHOLD {
            return;
        }
        if state.open_until.is_none() {
            telemetry::record_breaker_state(true);
            state.changes += 1;
            tracing::warn!(%error, "circuit breaker opened after 3 consecutive store failures; pages are served without messages");
        }
        state.open_until = Some(Instant::now() + state.backoff.next_delay());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Independent values: a panic cannot leave them inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The admission of one call. If a probe is dropped without an outcome, the next call may probe.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    /// [`State::changes`] at the admission.
    changes: u64,
}

impl Permit<'_> {
    /// Records the outcome of the call.
    pub(crate) fn record<T>(mut self, outcome: &Result<T, Error>) {
        if outcome.as_ref().is_err_and(Error::is_inconclusive) {
            return;
        }
        self.is_probe = false;
        match outcome {
            Err(error) if error.trips_breaker() => {
                self.breaker.record_failure(error, self.changes);
            }
            _ => self.breaker.record_success(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            let mut state = self.breaker.state();
            state.open_until = state.open_until.map(|_| Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn failure() -> Result<(), Error> {
        Err(Error::unavailable("the store is down"))
    }

    /// Of many calls in flight, only those that open the breaker count.
    #[tokio::test(start_paused = true)]
    async fn failures_of_calls_admitted_before_opening_are_ignored() {
        let breaker = Breaker::default();
        let in_flight: Vec<_> = (0..100).filter_map(|_| breaker.enter().ok()).collect();
        assert_eq!(in_flight.len(), 100);
        in_flight
            .into_iter()
            .for_each(|permit| permit.record(&failure()));
        assert!(breaker.is_open());
        advance(INITIAL_BACKOFF).await;
        assert!(breaker.enter().is_ok(), "the first probe is due");
    }

    #[tokio::test(start_paused = true)]
    async fn probe_without_outcome_delays_next_probe_by_limited_time() {
        let breaker = Breaker::default();
        for _ in 0..FAILURE_THRESHOLD {
            if let Ok(permit) = breaker.enter() {
                permit.record(&failure());
            }
        }
        advance(INITIAL_BACKOFF).await;
        let _waiting = breaker.enter();
        advance(Duration::from_millis(199)).await;
        assert!(breaker.enter().is_err(), "two probes at a time");
        advance(Duration::from_millis(1)).await;
        assert!(breaker.enter().is_ok(), "the next probe is due");
    }

    #[tokio::test(start_paused = true)]
    async fn late_failure_neither_ends_probe_nor_opens_closed_breaker() {
        let breaker = Breaker::default();
        let late: Vec<_> = (0..10).filter_map(|_| breaker.enter().ok()).collect();
        for _ in 0..FAILURE_THRESHOLD {
            if let Ok(permit) = breaker.enter() {
                permit.record(&failure());
            }
        }
        advance(INITIAL_BACKOFF).await;
        let probe = breaker.enter();
        let (while_probing, after) = (late.len() / 2, late.len());
        let mut late = late.into_iter();
        late.by_ref()
            .take(while_probing)
            .for_each(|permit| permit.record(&failure()));
        assert!(breaker.enter().is_err(), "a probe is in progress");
        if let Ok(probe) = probe {
            probe.record(&Ok::<_, Error>(()));
        }
        late.take(after)
            .for_each(|permit| permit.record(&failure()));
        assert!(!breaker.is_open());
    }
}
