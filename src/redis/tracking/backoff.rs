//! Pauses after failed attempts to track.

use std::time::Duration;

use tokio::time::sleep;

use crate::Error;
use crate::backoff::Backoff;
use crate::log_limit::LogLimit;

/// Longest pause after the first failed attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause after any failed attempt. Without a connection, pages and streams query.
pub(super) const MAX_BACKOFF: Duration = Duration::from_millis(800);
/// Pause after the server rejected tracking. Retries fail until an operator changes the
/// permissions.
const DENIED_BACKOFF: Duration = Duration::from_secs(30);

pub(super) struct TrackingBackoff(Backoff);

impl TrackingBackoff {
    pub(super) fn new() -> Self {
        Self(Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF))
    }

    /// Begins with short pauses again.
    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    /// Waits before the next attempt.
    pub(super) async fn pause_after(&mut self, error: &Error) {
        match is_permanent(error) {
            true => pause_after_permanent(error).await,
            false => sleep(self.0.next_jittered()).await,
        }
    }
}

/// Returns whether retries fail until an operator changes the configuration.
pub(super) fn is_permanent(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable() || error.is_misconfigured()
}

/// Logs an error that is permanent, and waits before the next attempt.
pub(super) async fn pause_after_permanent(error: &Error) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(%error, "client tracking unavailable; pages and streams query Redis until it is restored");
    }
    sleep(DENIED_BACKOFF).await;
}
