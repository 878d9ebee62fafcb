//! Registration of the key prefixes whose changes a client tracks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use crate::redis::connect::Connector;
use crate::redis::tracking::entries::{Entries, Entry, TrackingHandler};
use crate::redis::tracking::task::TrackingTask;
use crate::{Error, runtime};

/// The registered prefixes of a client. The first one starts the task, and the last one ends it.
pub(crate) struct Tracker {
    connector: Connector,
    entries: Arc<Entries>,
    task: Mutex<Option<AbortHandle>>,
}

impl Tracker {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            entries: Arc::default(),
            task: Mutex::default(),
        }
    }

    /// Registers a handler of a prefix. Returns its registration.
    pub(crate) fn register(
        self: &Arc<Self>,
        prefix: String,
        channel: String,
        handler: Arc<dyn TrackingHandler>,
    ) -> Result<Registration, Error> {
        let mut task = self.lock_task();
        // A task that has panicked is replaced, as one that was aborted.
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            let tracking = TrackingTask {
                connector: self.connector.clone(),
                entries: Arc::clone(&self.entries),
            };
            *task = Some(runtime::spawn_receiver(tracking.run())?.abort_handle());
        }
        let entry = Arc::new(Entry::new(prefix, channel, handler));
        self.entries.update(|list| list.push(Arc::clone(&entry)));
        Ok(Registration {
            tracker: Arc::clone(self),
            entry,
        })
    }

    fn lock_task(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes = self.entries.snapshot().len();
        f.debug_struct("Tracker")
            .field("prefixes", &prefixes)
            .finish_non_exhaustive()
    }
}

/// The registration of a handler. Dropping it ends the reports.
pub(crate) struct Registration {
    tracker: Arc<Tracker>,
    entry: Arc<Entry>,
}

impl Registration {
    /// Returns why changes are not reported at present, if an attempt has failed.
    pub(crate) fn last_error(&self) -> Option<Error> {
        let discovery_error = self.tracker.entries.lock_discovery_error().clone();
        discovery_error.or_else(|| self.entry.last_error())
    }

    pub(crate) fn channel(&self) -> &str {
        &self.entry.channel
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut task = self.tracker.lock_task();
        self.entry.handler.all_invalidated();
        self.tracker
            .entries
            .update(|list| list.retain(|entry| !Arc::ptr_eq(entry, &self.entry)));
        if self.tracker.entries.snapshot().is_empty()
            && let Some(task) = task.take()
        {
            task.abort();
        }
    }
}
