//! What running workers report about themselves, so that the health of a site says when none runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Interval between the reports of a worker.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a worker counts as running without another report.
pub(super) const HEARTBEAT_TTL: Duration = Duration::from_secs(60);

/// A running worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    /// The queues whose jobs it performs.
    pub(crate) queues: Vec<String>,
    /// Why queues rest, for those that do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resting: BTreeMap<String, String>,
}

/// Why queues of a worker rest at present.
#[derive(Debug, Default)]
pub(super) struct Resting {
    reasons: Mutex<BTreeMap<String, String>>,
    changed: Notify,
}

impl Resting {
    pub(super) fn begin(&self, queue: &str, reason: &str) {
        let before = self.lock().insert(queue.to_owned(), reason.to_owned());
        if before.is_none() {
            self.changed.notify_one();
        }
    }

    pub(super) fn end(&self, queue: &str) {
        if self.lock().remove(queue).is_some() {
            self.changed.notify_one();
        }
    }

    pub(super) fn reasons(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    /// Waits until a queue has begun or ended to rest.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
