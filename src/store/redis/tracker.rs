//! Keeps the pending index: hears from Redis which contexts were touched.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, select};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::jitter;
use crate::log_limit::LogLimit;
use crate::redis::{Connector, InvalidationHandler, TrackingConnection};
use crate::store::redis::keys;
use crate::store::redis::resync::{Resync, ResyncSchedule};
use crate::store::{Changes, Issue, IssueKind};
use crate::{Error, runtime};

/// How often the server is asked whether all has been heard.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
/// Most marks of contexts that may have something. Bounds the memory that a site with very many visitors costs
/// each of its processes, at some 90 MiB; with more of them every page asks.
const MAX_TRACKED_CONTEXTS: usize = 2 << 20;
/// How many keys the server looks at for one step of a round: it serves nobody else meanwhile.
const SCAN_COUNT: usize = 500;
/// Longest rest after a failed attempt, doubled by each further one up to the second. How long exactly is left to
/// chance.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_millis(800);
/// How long a server that refuses is left alone: somebody has to mend its rights.
const DENIED_BACKOFF: Duration = Duration::from_secs(30);

/// A bell, and the task that rings it while the store lives.
pub(crate) struct Tracker {
    pub(crate) changes: Arc<Changes>,
    channel: String,
    last_error: Arc<Mutex<Option<Error>>>,
    task: AbortHandle,
}

impl Tracker {
    /// Begins to listen for an application, on Salver's own thread.
    pub(crate) fn start(connector: &Connector, app: &str) -> Result<Self, Error> {
        let changes = Arc::new(Changes::tracked(MAX_TRACKED_CONTEXTS));
        let trouble = Arc::default();
        let keeper = TrackerTask {
            connector: connector.clone(),
            app: app.to_owned(),
            handler: Arc::new(IndexInvalidator {
                changes: Arc::clone(&changes),
            }),
            last_error: Arc::clone(&trouble),
        };
        let task = runtime::spawn(keeper.run())?.abort_handle();
        Ok(Self {
            changes,
            channel: keys::heartbeat_channel(app),
            last_error: trouble,
            task,
        })
    }

    /// Tells whether somebody serves pages or watches by it: beside it and its ear.
    pub(crate) fn is_needed(&self) -> bool {
        Arc::strong_count(&self.changes) > 2
    }

    /// Tells why pages ask, if it is not for a moment alone.
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
            .field("bell", &self.changes)
            .finish_non_exhaustive()
    }
}

/// Tells whether asking again is of no use before somebody has mended something.
fn is_permanent(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable()
}

fn lock(trouble: &Mutex<Option<Error>>) -> std::sync::MutexGuard<'_, Option<Error>> {
    trouble.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears for a bell.
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
    /// Whatever ends it: nobody tells of changes any more.
    fn drop(&mut self) {
        self.handler.changes.invalidate_all();
    }
}

impl TrackerTask {
    async fn run(self) {
        let blind = self.handler.changes.poll_while_disconnected();
        select(pin!(self.reconnect_loop()), pin!(blind)).await;
    }

    async fn reconnect_loop(&self) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let mut rest = INITIAL_BACKOFF;
        loop {
            let started = Instant::now();
            let Err(error) = self.track().await;
            rest = match started.elapsed() > MAX_BACKOFF {
                true => INITIAL_BACKOFF,
                false => (rest * 2).min(MAX_BACKOFF),
            };
            self.handler.changes.invalidate_all();
            let refused = is_permanent(&error);
            if refused && LOG_LIMIT.allow() {
                tracing::warn!(%error, "client tracking unavailable; every page queries Redis until it is restored");
            }
            *lock(&self.last_error) = Some(error);
            sleep(if refused {
                DENIED_BACKOFF
            } else {
                jitter(rest)
            })
            .await;
        }
    }

    /// Listens until the connection is of no more use.
    async fn track(&self) -> Result<std::convert::Infallible, Error> {
        let prefix = keys::contexts_prefix(&self.app);
        let channel = keys::heartbeat_channel(&self.app);
        let listener = Arc::clone(&self.handler);
        let tracking =
            TrackingConnection::open(&self.connector, &prefix, &channel, listener).await?;
        *lock(&self.last_error) = None;
        let (beat, pass) = (self.heartbeat_loop(&tracking), self.resync_loop(&tracking));
        let (beat, pass) = (pin!(beat), pin!(pass));
        let replaced = pin!(tracking.replaced().map(Err));
        let info = select(beat, pass).map(|first| first.factor_first().0);
        select(info, replaced).await.factor_first().0
    }

    /// Makes sure that silence means that nothing happens.
    async fn heartbeat_loop(
        &self,
        tracking: &TrackingConnection,
    ) -> Result<std::convert::Infallible, Error> {
        loop {
            let asked = self.handler.changes.now();
            // Pages ask when the answer is late. When it comes after all nothing was missed: it is waited for as long
            // as a connection waits.
            tracking.heartbeat().await?;
            self.handler.changes.record_heartbeat(asked);
            sleep(HEARTBEAT_INTERVAL / 2 + jitter(HEARTBEAT_INTERVAL / 2)).await;
        }
    }

    /// Goes through all keys over and over.
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
