//! The key prefixes whose changes a client tracks, and the handlers that they are reported to.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, pending};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::log_limit::LogLimit;
use crate::redis::tracking::{InvalidationHandler, TrackingConnection};

/// Pause after the server rejected tracking. Retries fail until an operator changes the
/// permissions.
pub(super) const DENIED_BACKOFF: Duration = Duration::from_secs(30);

/// What a module does with the changes of the keys that it registered.
pub(crate) trait TrackingHandler: Send + Sync + 'static {
    /// A key with the prefix was written or removed. Must not block: the driver of the connection
    /// calls it between two reads of the socket.
    fn invalidated(&self, key: &[u8]);

    /// Changes may have been missed: any key may have changed.
    fn all_invalidated(&self);

    /// Every change before this time has been reported. Default: ignored.
    fn synced(&self, _sent_at: Instant) {}

    /// Runs while changes of the keys are reported. Its error ends the connection, unless an
    /// operator has to change the configuration. Default: waits.
    fn run<'a>(
        &'a self,
        _connection: &'a TrackingConnection,
    ) -> BoxFuture<'a, Result<Infallible, Error>> {
        pending().boxed()
    }
}

/// One prefix with its handler.
pub(super) struct Entry {
    prefix: String,
    pub(super) channel: String,
    pub(super) handler: Arc<dyn TrackingHandler>,
    /// Whether the server reports changes of the prefix at present.
    pub(super) is_tracked: AtomicBool,
    last_error: Mutex<Option<Error>>,
}

impl Entry {
    pub(super) fn new(prefix: String, channel: String, handler: Arc<dyn TrackingHandler>) -> Self {
        Self {
            prefix,
            channel,
            handler,
            is_tracked: AtomicBool::new(false),
            last_error: Mutex::default(),
        }
    }

    /// Tracks the prefix over an open connection. Returns only an error that ends the connection.
    pub(super) async fn drive(
        self: Arc<Self>,
        connection: &TrackingConnection,
        tracked: &Notify,
    ) -> Error {
        loop {
            let Err(error) = self.track(connection, tracked).await;
            self.lose(error.clone());
            if !is_permanent(&error) {
                return error;
            }
            log_permanent(&error);
            sleep(DENIED_BACKOFF).await;
        }
    }

    async fn track(
        &self,
        connection: &TrackingConnection,
        tracked: &Notify,
    ) -> Result<Infallible, Error> {
        connection.track(&self.prefix, &self.channel).await?;
        *self.lock_error() = None;
        self.is_tracked.store(true, Ordering::Release);
        tracked.notify_one();
        self.handler.run(connection).await
    }

    /// Records that changes of the prefix are no longer reported.
    pub(super) fn lose(&self, error: Error) {
        self.is_tracked.store(false, Ordering::Release);
        self.handler.all_invalidated();
        *self.lock_error() = Some(error);
    }

    pub(super) fn lock_error(&self) -> MutexGuard<'_, Option<Error>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether retries fail until an operator changes the configuration.
pub(super) fn is_permanent(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable() || error.is_misconfigured()
}

pub(super) fn log_permanent(error: &Error) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(%error, "client tracking unavailable; every page queries Redis until it is restored");
    }
}

/// The registered prefixes of a client.
#[derive(Default)]
pub(super) struct Entries {
    list: RwLock<Vec<Arc<Entry>>>,
    /// Notified when the list has changed.
    pub(super) changed: Notify,
    /// Notified when the server begins to report the changes of a prefix.
    pub(super) tracked: Notify,
}

impl Entries {
    pub(super) fn snapshot(&self) -> Vec<Arc<Entry>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Vec<Arc<Entry>>)) {
        change(&mut self.list.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

impl InvalidationHandler for Entries {
    fn invalidated(&self, key: &[u8]) {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let entry = list
            .iter()
            .find(|entry| key.starts_with(entry.prefix.as_bytes()));
        if let Some(entry) = entry {
            entry.handler.invalidated(key);
        }
    }

    fn all_invalidated(&self) {
        for entry in self.snapshot() {
            entry.handler.all_invalidated();
        }
    }
}
