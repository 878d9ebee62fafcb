//! The task that owns the tracking connection of a client, and the handlers that it reports to.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, Either, FutureExt, select};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::backoff::{Backoff, jitter};
use crate::log_limit::LogLimit;
use crate::redis::connect::Connector;
use crate::redis::tracking::{InvalidationHandler, TrackingConnection};
use crate::{Error, runtime};

/// Interval of heartbeats. A heartbeat proves that all earlier invalidation messages were received.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
/// Longest pause after the first failed attempt to track.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause after any failed attempt. Without a connection, every page queries.
const MAX_BACKOFF: Duration = Duration::from_millis(800);
/// Pause after the server rejected tracking. Retries fail until an operator changes the
/// permissions.
const DENIED_BACKOFF: Duration = Duration::from_secs(30);
/// Number of prefixes without a handler from which the connection is replaced, because a server
/// forgets a prefix only with its connection. Names of applications can come from user input.
const MAX_UNUSED_PREFIXES: usize = 64;

/// What a module does with the changes of the keys that it registered.
pub(crate) trait TrackingHandler: Send + Sync + 'static {
    /// A key with the prefix was written or removed. Must not block: the driver of the connection
    /// calls it between two reads of the socket.
    fn invalidated(&self, key: &[u8]);

    /// Changes may have been missed: any key may have changed.
    fn all_invalidated(&self);

    /// Every change before this time has been reported.
    fn synced(&self, sent_at: Instant);

    /// Runs while changes of the keys are reported. Its error ends the connection, unless an
    /// operator has to change the configuration.
    fn run<'a>(
        &'a self,
        connection: &'a TrackingConnection,
    ) -> BoxFuture<'a, Result<Infallible, Error>>;
}

/// One prefix with its handler.
struct Entry {
    prefix: String,
    channel: String,
    handler: Arc<dyn TrackingHandler>,
    /// Whether the server reports changes of the prefix at present.
    is_tracked: AtomicBool,
    last_error: Mutex<Option<Error>>,
}

impl Entry {
    /// Tracks the prefix over an open connection. Returns only an error that ends the connection.
    async fn drive(self: Arc<Self>, connection: &TrackingConnection, tracked: &Notify) -> Error {
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
    fn lose(&self, error: Error) {
        self.is_tracked.store(false, Ordering::Release);
        self.handler.all_invalidated();
        *self.lock_error() = Some(error);
    }

    fn lock_error(&self) -> MutexGuard<'_, Option<Error>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether retries fail until an operator changes the configuration.
fn is_permanent(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable()
}

fn log_permanent(error: &Error) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(%error, "client tracking unavailable; every page queries Redis until it is restored");
    }
}

/// The registered prefixes of a client. The first one starts the task, and the last one ends it.
pub(crate) struct Tracker {
    connector: Connector,
    entries: Arc<Entries>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Default)]
struct Entries {
    list: RwLock<Vec<Arc<Entry>>>,
    /// Notified when the list has changed.
    changed: Notify,
    /// Notified when the server begins to report the changes of a prefix.
    tracked: Notify,
}

impl Entries {
    fn snapshot(&self) -> Vec<Arc<Entry>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    fn update(&self, change: impl FnOnce(&mut Vec<Arc<Entry>>)) {
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

impl Tracker {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            entries: Arc::default(),
            task: Mutex::default(),
        }
    }

    /// Registers the handler of a prefix that has no other one. Returns its registration.
    pub(crate) fn register(
        self: &Arc<Self>,
        prefix: String,
        channel: String,
        handler: Arc<dyn TrackingHandler>,
    ) -> Result<Registration, Error> {
        let mut task = self.lock_task();
        if task.is_none() {
            let tracking = Task {
                connector: self.connector.clone(),
                entries: Arc::clone(&self.entries),
            };
            *task = Some(runtime::spawn(tracking.run())?.abort_handle());
        }
        let entry = Arc::new(Entry {
            prefix,
            channel,
            handler,
            is_tracked: AtomicBool::new(false),
            last_error: Mutex::default(),
        });
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
        self.entry.lock_error().clone()
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

/// The task that owns the connection.
struct Task {
    connector: Connector,
    entries: Arc<Entries>,
}

impl Drop for Task {
    /// Without the task, changes are no longer received.
    fn drop(&mut self) {
        self.entries.all_invalidated();
    }
}

/// The entries that are driven over one connection.
type Driven<'a> = Vec<(Arc<Entry>, BoxFuture<'a, Error>)>;

impl Task {
    async fn run(self) {
        let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
        loop {
            let started = Instant::now();
            let Err(error) = self.track().await;
            if started.elapsed() > MAX_BACKOFF {
                backoff.reset();
            }
            for entry in self.entries.snapshot() {
                entry.lose(error.clone());
            }
            let permanent = is_permanent(&error);
            if permanent {
                log_permanent(&error);
            }
            sleep(match permanent {
                true => DENIED_BACKOFF,
                false => backoff.next_jittered(),
            })
            .await;
        }
    }

    /// Tracks all prefixes over one connection until it fails or is replaced.
    async fn track(&self) -> Result<Infallible, Error> {
        let handler: Arc<dyn InvalidationHandler> = Arc::clone(&self.entries) as _;
        let connection = TrackingConnection::open(&self.connector, handler).await?;
        let mut driven = Driven::new();
        let heartbeats = pin!(self.heartbeat_loop(&connection));
        let replaced = pin!(connection.replaced());
        let mut ended = select(heartbeats, replaced);
        loop {
            self.drive_registered(&connection, &mut driven)?;
            let changed = pin!(self.entries.changed.notified());
            let failed = pin!(first_error(&mut driven));
            let next = select(&mut ended, select(failed, changed));
            match next.await {
                Either::Left((Either::Left((result, _)), _)) => return result,
                Either::Left((Either::Right((error, _)), _))
                | Either::Right((Either::Left((error, _)), _)) => return Err(error),
                Either::Right((Either::Right(_), _)) => {}
            }
        }
    }

    /// Starts to drive new entries, and drops those that are no longer registered.
    fn drive_registered<'a>(
        &'a self,
        connection: &'a TrackingConnection,
        driven: &mut Driven<'a>,
    ) -> Result<(), Error> {
        let registered = self.entries.snapshot();
        driven.retain(|(entry, _)| registered.iter().any(|other| Arc::ptr_eq(entry, other)));
        if connection.tracked_prefixes() > driven.len() + MAX_UNUSED_PREFIXES {
            return Err(Error::unavailable("the tracking connection is replaced"));
        }
        for entry in registered {
            if !driven.iter().any(|(other, _)| Arc::ptr_eq(&entry, other)) {
                let driving = Arc::clone(&entry);
                let driving = driving.drive(connection, &self.entries.tracked).boxed();
                driven.push((entry, driving));
            }
        }
        Ok(())
    }

    /// Sends heartbeats, so that the absence of invalidation messages proves that nothing changed.
    async fn heartbeat_loop(&self, connection: &TrackingConnection) -> Result<Infallible, Error> {
        loop {
            let mut tracked = self.entries.snapshot();
            tracked.retain(|entry| entry.is_tracked.load(Ordering::Acquire));
            let sent_at = Instant::now();
            // While the reply is late, pages query. A late reply still proves that no change was
            // missed, so only the timeout of the connection ends the wait.
            connection.heartbeat().await?;
            for entry in tracked {
                entry.handler.synced(sent_at);
            }
            let pause = sleep(HEARTBEAT_INTERVAL / 2 + jitter(HEARTBEAT_INTERVAL / 2));
            // The heartbeat of a new prefix is not delayed.
            select(pin!(pause), pin!(self.entries.tracked.notified())).await;
        }
    }
}

/// Polls all entries, and returns the first error.
async fn first_error(driven: &mut Driven<'_>) -> Error {
    poll_fn(|cx| {
        for (_, driving) in driven.iter_mut() {
            if let Poll::Ready(error) = Pin::new(driving).poll(cx) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    })
    .await
}
