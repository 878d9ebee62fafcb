//! Waiting for a context without asking.

use std::fmt;
use std::sync::Arc;

use tokio::time::timeout;

use crate::Context;
use crate::changes::fingerprint::Fingerprint;
use crate::changes::listeners::Signal;
use crate::changes::source::{Changes, FALLBACK_POLL_INTERVAL, Source};

impl Changes {
    /// Watches the contexts that a page would look into.
    pub(crate) fn listen(self: &Arc<Self>, contexts: &[Context]) -> Listener {
        Listener::new(self, self.fingerprinter.fingerprint_all(contexts))
    }
}

/// Waits until something may have changed in a context. Made by [`Salver::watch`](crate::Salver::watch).
///
/// Dropping it ends the watch. It holds no connection: all of a process share the one that tells.
pub struct Listener {
    changes: Arc<Changes>,
    fingerprints: Vec<Fingerprint>,
    signal: Arc<Signal>,
}

impl Listener {
    pub(crate) fn new(changes: &Arc<Changes>, fingerprints: Vec<Fingerprint>) -> Self {
        let signal = Arc::default();
        changes.listeners.register(&fingerprints, &signal);
        Self {
            changes: Arc::clone(changes),
            fingerprints,
            signal,
        }
    }

    /// Waits until something may have changed since the last call: look again then.
    ///
    /// Several changes may be one ring, and a ring may be for nothing. None is missed for good: while nobody
    /// tells this process of changes it rings once a second. What falls due by itself, a scheduled message or
    /// the end of a lease, does not ring: the look before it says when, in [`Found::next`](crate::store::Found::next).
    ///
    /// # Cancel safety
    ///
    /// Safe: a ring that nobody waited for is there for the next call.
    ///
    /// # Panics
    ///
    /// Where nobody tells, as in a Cluster, outside of a tokio runtime with time enabled, as every timer of tokio.
    pub async fn changed(&mut self) {
        match self.changes.source {
            // What it was then makes no difference: look again.
            Source::Polling => drop(timeout(FALLBACK_POLL_INTERVAL, self.signal.wait()).await),
            Source::Local | Source::Tracked(_) => self.signal.wait().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.changes
            .listeners
            .unregister(&self.fingerprints, &self.signal);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
