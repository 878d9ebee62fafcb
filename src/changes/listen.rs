//! Listeners: waiting for a change of a context without polling the store.

use std::fmt;
use std::sync::Arc;

use tokio::time::timeout;

use crate::Context;
use crate::changes::fingerprint::Fingerprint;
use crate::changes::listeners::Signal;
use crate::changes::source::{Changes, FALLBACK_POLL_INTERVAL, Source};

impl Changes {
    /// Returns a listener for these contexts, which are those that a page reads.
    pub(crate) fn listen(self: &Arc<Self>, contexts: &[Context]) -> Listener {
        self.listen_keys(contexts.iter().map(Context::key))
    }

    /// Returns a listener for these keys.
    pub(crate) fn listen_keys(
        self: &Arc<Self>,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Listener {
        let fingerprint = |key: &[u8]| self.fingerprinter.fingerprint_key(key);
        let keys = keys.into_iter();
        Listener::new(self, keys.map(|key| fingerprint(key.as_ref())).collect())
    }
}

/// Waits until something may have changed in a context. Created by
/// [`Salver::listen`](crate::Salver::listen).
///
/// Dropping it unregisters it. It holds no connection: all listeners of a process share the one
/// tracking connection, in a Cluster one to each primary.
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

    /// Waits until something may have changed since the last call. The caller then reads again.
    ///
    /// One return can stand for several changes, or for none. No change is missed permanently:
    /// while this process receives no change notifications, the call returns once a second. A
    /// delayed message that becomes visible, or a lease that expires, is not a change. The previous
    /// read returns that time in
    /// [`ReadResult::next_due_in`](crate::store::ReadResult::next_due_in).
    ///
    /// # Cancel safety
    ///
    /// Safe: a change that arrives while no call waits completes the next call.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled, if the store has no change notifications, as
    /// with a connection pool. The call then uses a timer of tokio.
    pub async fn changed(&mut self) {
        match self.changes.source {
            // A signal and a timeout mean the same to the caller: read again.
            Source::Polling => drop(timeout(FALLBACK_POLL_INTERVAL, self.signal.wait()).await),
            _ => self.signal.wait().await,
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
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
