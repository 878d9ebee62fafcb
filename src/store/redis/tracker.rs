//! The task that updates the pending index from the invalidation messages of Redis client tracking.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, select};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::{Backoff, jitter};
use crate::log_limit::LogLimit;
use crate::redis::{Connector, InvalidationHandler, TrackingConnection};
use crate::store::redis::keys;
use crate::store::redis::resync::{Resync, ResyncSchedule};
use crate::store::{Changes, Issue, IssueKind};
use crate::{Error, runtime};

/// Interval of heartbeats. A heartbeat proves that all earlier invalidation messages were received.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
/// Maximum number of dirty entries. Bounds the memory of each process of a site with very many
/// visitors to about 90 MiB. With more entries, every page queries the store.
const MAX_TRACKED_CONTEXTS: usize = 2 << 20;
/// Number of keys that the server scans in one step of a resync pass. The server executes no other
/// command during a step.
const SCAN_COUNT: usize = 500;
/// Longest pause after the first failed attempt to track.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause after any failed attempt. While there is no connection, every page queries.
const MAX_BACKOFF: Duration = Duration::from_millis(800);
/// Pause after the server rejected tracking. Retries fail until an operator changes the
/// permissions.
const DENIED_BACKOFF: Duration = Duration::from_secs(30);

/// The change notifications of one application, and the task that reports them while the store
/// exists.
pub(crate) struct Tracker {
    pub(crate) changes: Arc<Changes>,
    channel: String,
    last_error: Arc<Mutex<Option<Error>>>,
    task: AbortHandle,
}

impl Tracker {
    /// Starts the task for an application, on the background runtime.
    pub(crate) fn start(connector: &Connector, app: &str) -> Result<Self, Error> {
        let changes = Arc::new(Changes::tracked(MAX_TRACKED_CONTEXTS));
        let last_error = Arc::default();
        let tracker_task = TrackerTask {
            connector: connector.clone(),
            app: app.to_owned(),
            handler: Arc::new(IndexInvalidator {
                changes: Arc::clone(&changes),
            }),
            last_error: Arc::clone(&last_error),
        };
        let task = runtime::spawn(tracker_task.run())?.abort_handle();
        Ok(Self {
            changes,
            channel: keys::heartbeat_channel(app),
            last_error,
            task,
        })
    }

    /// Returns whether pages or listeners use the notifications. The tracker and its handler hold
    /// two of the references.
    pub(crate) fn is_needed(&self) -> bool {
        Arc::strong_count(&self.changes) > 2
    }

    /// Returns the reason why every page queries the store, unless it is temporary.
    pub(crate) fn issue(&self) -> Option<Issue> {
        if self.changes.is_over_capacity() {
            let detail = format!("more than {MAX_TRACKED_CONTEXTS} contexts are tracked");
            return Some(Issue::new(IssueKind::IndexFull, detail));
        }
        let error = lock(&self.last_error).clone()?;
        let detail = match error.is_denied() {
            true => format!(
                "the user has no permission for client|tracking, subscribe, info or scan, or for the channel {}",
                self.channel
            ),
            false => error.to_string(),
        };
        Some(Issue::new(IssueKind::TrackingUnavailable, detail))
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// Returns whether retries fail until an operator changes the configuration.
fn is_permanent(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable()
}

fn lock(error: &Mutex<Option<Error>>) -> std::sync::MutexGuard<'_, Option<Error>> {
    error.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Applies invalidation messages to the change notifications.
struct IndexInvalidator {
    changes: Arc<Changes>,
}

impl InvalidationHandler for IndexInvalidator {
    fn invalidated(&self, key: &[u8]) {
        self.changes.mark_key_changed(key);
    }

    fn all_invalidated(&self) {
        self.changes.invalidate_all();
    }

    fn disconnected(&self) {
        self.changes.invalidate_all();
    }
}

struct TrackerTask {
    connector: Connector,
    app: String,
    handler: Arc<IndexInvalidator>,
    last_error: Arc<Mutex<Option<Error>>>,
}

impl Drop for TrackerTask {
    /// Without the task, changes are no longer received.
    fn drop(&mut self) {
        self.handler.changes.invalidate_all();
    }
}

impl TrackerTask {
    async fn run(self) {
        let polling = self.handler.changes.poll_while_disconnected();
        select(pin!(self.reconnect_loop()), pin!(polling)).await;
    }

    async fn reconnect_loop(&self) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
        loop {
            let started = Instant::now();
            let Err(error) = self.track().await;
            if started.elapsed() > MAX_BACKOFF {
                backoff.reset();
            }
            self.handler.changes.invalidate_all();
            let permanent = is_permanent(&error);
            if permanent && LOG_LIMIT.allow() {
                tracing::warn!(%error, "client tracking unavailable; every page queries Redis until it is restored");
            }
            *lock(&self.last_error) = Some(error);
            sleep(match permanent {
                true => DENIED_BACKOFF,
                false => backoff.next_jittered(),
            })
            .await;
        }
    }

    /// Tracks changes over one connection until it fails or is replaced.
    async fn track(&self) -> Result<std::convert::Infallible, Error> {
        let prefix = keys::contexts_prefix(&self.app);
        let channel = keys::heartbeat_channel(&self.app);
        let handler = Arc::clone(&self.handler);
        let tracking =
            TrackingConnection::open(&self.connector, &prefix, &channel, handler).await?;
        *lock(&self.last_error) = None;
        let (heartbeats, passes) = (self.heartbeat_loop(&tracking), self.resync_loop(&tracking));
        let (heartbeats, passes) = (pin!(heartbeats), pin!(passes));
        let replaced = pin!(tracking.replaced().map(Err));
        let first_error = select(heartbeats, passes).map(|ended| ended.factor_first().0);
        select(first_error, replaced).await.factor_first().0
    }

    /// Sends heartbeats, so that the absence of invalidation messages proves that nothing changed.
    async fn heartbeat_loop(
        &self,
        tracking: &TrackingConnection,
    ) -> Result<std::convert::Infallible, Error> {
        loop {
            let sent_at = self.handler.changes.now();
            // While the reply is late, pages query. A late reply still proves that no change was
            // missed, so only the timeout of the connection ends the wait.
            tracking.heartbeat().await?;
            self.handler.changes.record_heartbeat(sent_at);
            sleep(HEARTBEAT_INTERVAL / 2 + jitter(HEARTBEAT_INTERVAL / 2)).await;
        }
    }

    /// Runs resync passes over all keys.
    async fn resync_loop(
        &self,
        tracking: &TrackingConnection,
    ) -> Result<std::convert::Infallible, Error> {
        let pattern = keys::contexts_pattern(&self.app);
        let resync = Resync {
            changes: &self.handler.changes,
            schedule: ResyncSchedule::default(),
        };
        let step = |cursor| tracking.scan(cursor, &pattern, SCAN_COUNT);
        resync.run(step).await
    }
}
