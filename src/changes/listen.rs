//! Waiting for a context without asking.

use std::fmt;
use std::sync::Arc;

use tokio::time::timeout;

use crate::Context;
use crate::changes::fingerprint::Mark;
use crate::changes::listeners::Rung;
use crate::changes::source::{BLIND, Doorbell, Source};

impl Doorbell {
    /// Watches the contexts that a page would look into.
    pub(crate) fn watch(self: &Arc<Self>, contexts: &[Context]) -> Watch {
        Watch::new(self, self.marker.of_all(contexts))
    }
}

/// Waits until something may have changed in a context. Made by [`Salver::watch`](crate::Salver::watch).
///
/// Dropping it ends the watch. It holds no connection: all of a process share the one that tells.
pub struct Watch {
    bell: Arc<Doorbell>,
    marks: Vec<Mark>,
    rung: Arc<Rung>,
}

impl Watch {
    pub(crate) fn new(bell: &Arc<Doorbell>, marks: Vec<Mark>) -> Self {
        let rung = Arc::default();
        bell.watches.register(&marks, &rung);
        Self {
            bell: Arc::clone(bell),
            marks,
            rung,
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
    pub async fn rung(&mut self) {
        match self.bell.source {
            // What it was then makes no difference: look again.
            Source::Nobody => drop(timeout(BLIND, self.rung.heard()).await),
            Source::Store | Source::Connection(_) => self.rung.heard().await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bell.watches.unregister(&self.marks, &self.rung);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
