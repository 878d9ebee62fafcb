//! Detection of sessions that never come back: the usual reason why no message appears at all.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::web::session::issuer::SessionIssuer;

/// Number of issued sessions, none of which a request has sent back, after which a warning is
/// logged. Crawlers never send one back.
const WARN_AFTER: u32 = 10;

/// The sessions that a handle has issued and found.
#[derive(Debug, Default)]
pub(crate) struct SessionMonitor {
    issued: AtomicU32,
    has_found: AtomicBool,
}

impl SessionMonitor {
    /// Records that a request has a session.
    pub(crate) fn record_found(&self) {
        // Most requests only read, so that the workers share the cache line.
        if !self.has_found.load(Ordering::Relaxed) {
            self.has_found.store(true, Ordering::Relaxed);
        }
    }

    /// Records that a visitor receives a session. Logs one warning if none has come back.
    pub(crate) fn record_issued(&self, issuer: &SessionIssuer) {
        if self.has_found.load(Ordering::Relaxed) {
            return;
        }
        let issued = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        if issued == WARN_AFTER {
            tracing::warn!(
                issued,
                "no request has sent back a session; messages cannot be shown. {}",
                issuer.advice()
            );
        }
    }
}
