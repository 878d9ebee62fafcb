//! Whether all changes of some keys are reported at present.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::changes::index::HEARTBEAT_TIMEOUT;

/// The time up to which all changes are known to have been reported.
pub(crate) struct Freshness {
    created_at: Instant,
    /// In milliseconds since `created_at`, plus 1; 0 for never.
    proven_at: AtomicU64,
    /// Whether it has ever been proven.
    has_begun: AtomicBool,
}

impl Freshness {
    /// Returns one that is not proven yet.
    pub(crate) fn new() -> Self {
        Self {
            created_at: Instant::now(),
            proven_at: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
        }
    }

    /// Records that every change before this time has been reported.
    pub(crate) fn prove(&self, time: Instant) {
        let elapsed = time.saturating_duration_since(self.created_at).as_millis();
        let millis = u64::try_from(elapsed).unwrap_or(u64::MAX - 1);
        self.proven_at.store(millis + 1, Ordering::Release);
        self.has_begun.store(true, Ordering::Release);
    }

    /// Records that changes may have been missed. Returns whether it has ever been proven.
    pub(crate) fn revoke(&self) -> bool {
        self.proven_at.store(0, Ordering::Release);
        self.has_begun.load(Ordering::Acquire)
    }

    pub(crate) fn is_proven(&self) -> bool {
        let proven_at = self.proven_at.load(Ordering::Acquire);
        let elapsed = self.created_at.elapsed().as_millis();
        proven_at > 0 && elapsed < u128::from(proven_at) + HEARTBEAT_TIMEOUT.as_millis()
    }
}
