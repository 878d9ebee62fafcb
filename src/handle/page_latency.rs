//! Detection of a store that works, but replies later than pages wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;
use crate::config::Config;
use crate::deadline::read_timed_out;
use crate::log_limit::LogLimit;
use crate::store::{Issue, IssueKind};

/// Consecutive late replies from which the store counts as slow. One or two can come from a new
/// connection or a short load peak. After so many pages without messages, one page waits longer.
const LATE_REPLIES: u32 = 3;
/// The extended timeout of that page, as a multiple of the last latency. Leaves room for jitter.
const TIMEOUT_FACTOR: u32 = 4;
/// Upper limit of the extended timeout. A visitor notices a page that takes longer.
const MAX_EXTENDED_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a slow store stays an issue of the health without another late reply. Pages claim only if
/// messages may be pending, so that on a quiet site none may come.
const ISSUE_LIFETIME: Duration = Duration::from_secs(60);

/// How long the store takes to reply to the claims of pages. All clones of a handle share it.
///
/// Without it, pages of a store that is always slower than `page_timeout` would never show a
/// message, although each call to the store succeeds.
#[derive(Debug, Default)]
pub(super) struct PageLatency {
    state: Mutex<State>,
    log_limit: LogLimit,
}

#[derive(Debug, Default)]
struct State {
    /// Consecutive late replies that pages have missed since the last extended timeout.
    late_replies: u32,
    /// The latency of the last late reply. `None` if the last reply was in time or did not come.
    late: Option<Duration>,
    /// When the last late reply came.
    late_at: Option<Instant>,
    /// Whether [`LATE_REPLIES`] were reached, and no reply was in time since.
    is_slow: bool,
}

impl PageLatency {
    /// Returns how long the claim of a page waits: `remaining`, or once after [`LATE_REPLIES`] a
    /// multiple of the measured latency, so that the messages of this page are shown.
    pub(super) fn timeout(&self, remaining: Duration, config: &Config) -> Duration {
        let mut state = self.state();
        let Some(latency) = state.late.filter(|_| state.late_replies >= LATE_REPLIES) else {
            return remaining;
        };
        state.late_replies = 0;
        let extended = latency * TIMEOUT_FACTOR;
        let extended = extended.min(MAX_EXTENDED_TIMEOUT).min(config.call_timeout);
        extended.max(remaining)
    }

    /// Returns the error of a claim that times out. While replies come late, a timeout is no
    /// evidence that the store has failed: an open circuit breaker would reject adds, which succeed.
    pub(super) fn on_timeout(&self) -> fn() -> Error {
        match self.state().late {
            Some(_) => Error::slow_store,
            None => read_timed_out,
        }
    }

    /// Records the reply to a claim, and returns whether it was late, but in time for other calls.
    /// `is_missed`: whether the page was served without it. Logs a warning if the store is slow.
    pub(super) fn record_reply(&self, latency: Duration, is_missed: bool, config: &Config) -> bool {
        let mut state = self.state();
        // Beyond `call_timeout` other calls fail too, and the circuit breaker reports them.
        if latency <= config.page_timeout || latency > config.call_timeout {
            *state = State::default();
            return false;
        }
        state.late_replies = state.late_replies.saturating_add(u32::from(is_missed));
        state.late = Some(latency);
        state.late_at = Some(Instant::now());
        state.is_slow |= state.late_replies >= LATE_REPLIES;
        let is_slow = state.is_slow;
        drop(state);
        if is_slow && self.log_limit.allow() {
            let (latency_ms, timeout_ms) = (latency.as_millis(), config.page_timeout.as_millis());
            tracing::warn!(
                latency_ms,
                page_timeout_ms = timeout_ms,
                "the store replied in {latency_ms} ms, but a page waits at most {timeout_ms} ms; \
                 pages are served without messages: raise `page_timeout`"
            );
        }
        true
    }

    /// Records that a claim failed or received no reply: the store is not merely slow.
    pub(super) fn record_failure(&self) {
        *self.state() = State::default();
    }

    /// Returns the issue of a slow store.
    pub(super) fn issue(&self, config: &Config) -> Option<Issue> {
        let state = self.state();
        let is_recent = state.late_at?.elapsed() < ISSUE_LIFETIME;
        let latency = state.late.filter(|_| state.is_slow && is_recent)?;
        let detail = format!(
            "the store replied in {} ms, but a page waits at most {} ms",
            latency.as_millis(),
            config.page_timeout.as_millis()
        );
        Some(Issue::new(IssueKind::SlowStore, detail))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each update replaces independent values, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
