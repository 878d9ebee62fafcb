//! The Redis store: every operation on messages is one Lua script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::redis::{Connection, ConnectionConfig, Connector, ReplicatedWriter};
#[cfg(feature = "cluster")]
use crate::store::redis::cluster_migration;
use crate::store::redis::scripts::{self, ReadMode};
use crate::store::redis::tracker::Tracker;
use crate::store::redis::{health, sweep};
use crate::store::{
    AddOutcome, Changes, Claim, Issue, Limits, ReadResult, Selector, Store, StoreFuture,
    StoreStats, SweepProgress,
};
use crate::wire::EncodedMessage;
use crate::{Context, Error, SessionId, View};

/// The lease of a take in a Cluster, which is a claim followed by its confirm.
const TAKE_LEASE: Duration = Duration::from_secs(15);

/// A store in Redis 6.2 or newer, shared by every process of the application.
///
/// It connects on first use, and reconnects after a connection is lost. Calls on the store itself
/// share one connection on the background runtime, so that they work from any runtime. Each actix
/// worker has its own connection. The page [storage format](crate::docs::storage_format) describes
/// the stored data.
#[derive(Clone, Debug)]
pub struct RedisStore {
    connection: Connection,
    replicated_writer: ReplicatedWriter,
    /// The stores of worker threads, so that an app with several wrapped scopes has one connection
    /// per worker.
    per_thread: Arc<Mutex<HashMap<ThreadId, Weak<Self>>>>,
    /// The trackers of the pending indexes, by application.
    trackers: Arc<Mutex<HashMap<String, Tracker>>>,
}

impl RedisStore {
    /// Creates a store that takes its connections from this pool: one for all shared calls, one per
    /// actix worker, up to eight for adds that wait for replicas, and a new one after a connection
    /// is lost.
    ///
    /// The connections are detached from the pool, because a checkout per request costs more than
    /// the request. They do not count against the size of the pool, but against the server's
    /// `maxclients`.
    #[must_use]
    pub fn from_pool(pool: deadpool_redis::Pool) -> Self {
        Self::with_connector(Connector::Pool(pool))
    }

    pub(super) fn from_config(config: &ConnectionConfig) -> Result<Self, Error> {
        Ok(Self::with_connector(Connector::new(config)?))
    }

    fn with_connector(connector: Connector) -> Self {
        let connection = Connection::on_background_runtime(connector);
        Self {
            replicated_writer: ReplicatedWriter::for_connection(&connection),
            connection,
            per_thread: Arc::default(),
            trackers: Arc::default(),
        }
    }

    /// Returns the change notifications of an application, if they have been requested before.
    fn changes_of(&self, app: &str) -> Option<Arc<Changes>> {
        let trackers = self.lock_trackers();
        trackers
            .get(app)
            .map(|tracker| Arc::clone(&tracker.changes))
    }

    fn lock_trackers(&self) -> MutexGuard<'_, HashMap<String, Tracker>> {
        self.trackers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports a change by this process itself, so that its next page does not depend on the
    /// notification from the server.
    fn mark_changed(&self, context: &Context) {
        if let Some(changes) = self.changes_of(context.app()) {
            changes.mark_changed(context);
        }
    }

    /// Reads, and records the result in the pending index.
    async fn read(
        &self,
        contexts: &[Context],
        mode: ReadMode,
        lease: Duration,
        max_age: Duration,
    ) -> Result<Claim, Error> {
        let changes = contexts
            .first()
            .and_then(|first| self.changes_of(first.app()));
        let query = changes
            .as_ref()
            .map(|changes| changes.begin_query(contexts));
        let claim = scripts::read(&self.connection, contexts, mode, lease, max_age).await?;
        if let Some(query) = query {
            query.finish(claim.result.next_due_in);
        }
        Ok(claim)
    }
}

impl Store for RedisStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let add = scripts::add(context, messages, limits);
            let added = match limits.replicas {
                0 => self
                    .connection
                    .execute(&add)
                    .await
                    .map(|parts| (parts, true)),
                replicas => {
                    self.replicated_writer
                        .execute(add, replicas, limits.replica_timeout)
                        .await
                }
            };
            // After any outcome: the message may have been stored.
            self.mark_changed(context);
            let (parts, is_replicated) = added?;
            match scripts::parse_added(parts)? {
                AddOutcome::Added { .. } if !is_replicated => Err(Error::insufficient_replicas()),
                outcome => Ok(outcome),
            }
        })
    }

    fn peek<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            let query = scripts::read(
                &self.connection,
                contexts,
                ReadMode::Peek,
                Duration::ZERO,
                max_age,
            );
            Ok(query.await?.result)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        max_age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let claim = self.read(contexts, ReadMode::Claim, lease, max_age).await;
            if !claim.as_ref().is_err_and(Error::is_read_only) {
                return claim;
            }
            // A read-only server: show the messages without a lease, possibly twice. The confirm is
            // retried until the server accepts writes.
            scripts::read(
                &self.connection,
                contexts,
                ReadMode::Peek,
                Duration::ZERO,
                max_age,
            )
            .await
        })
    }

    fn take<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            if self.connection.is_cluster() {
                // The Cluster client retries after a lost connection: messages that the first
                // attempt removed would be lost.
                let claim = self.claim(contexts, TAKE_LEASE, max_age).await?;
                self.confirm(&claim).await?;
                return Ok(claim.result);
            }
            let query = self.read(contexts, ReadMode::Take, Duration::ZERO, max_age);
            Ok(query.await?.result)
        })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(scripts::confirm(&self.connection, claim))
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let released = scripts::release(&self.connection, claim).await;
            for claimed in &claim.members {
                self.mark_changed(&claimed.context);
            }
            released
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64> {
        Box::pin(scripts::retract(&self.connection, context, selector))
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        Box::pin(scripts::clear(&self.connection, context))
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::clear_session(
            &self.connection,
            app,
            session,
            close,
        ))
    }

    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        reopen: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            #[cfg(feature = "cluster")]
            if self.connection.is_cluster() {
                return cluster_migration::migrate(&self.connection, app, from, to, reopen, limits)
                    .await;
            }
            scripts::migrate(&self.connection, app, from, to, reopen, limits).await
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        Box::pin(scripts::contexts(&self.connection, app, session))
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        max_age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        Box::pin(sweep::sweep(&self.connection, app, max_age, from))
    }

    fn stats<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        Box::pin(sweep::stats(&self.connection, app, from))
    }

    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        Box::pin(async move {
            let mut issues = health::check(&self.connection, app).await?;
            issues.extend(self.lock_trackers().get(app).and_then(Tracker::issue));
            Ok(issues)
        })
    }

    fn changes(&self, app: &str) -> Option<Arc<Changes>> {
        let connector = self.connection.connector();
        if !connector.supports_tracking() {
            return None;
        }
        let mut trackers = self.lock_trackers();
        if let Some(tracker) = trackers.get(app) {
            return Some(Arc::clone(&tracker.changes));
        }
        // Names of applications can come from user input: unused trackers end before another one
        // starts.
        trackers.retain(|_, tracker| tracker.is_needed());
        // If the background runtime cannot start, there is no tracker, and pages query.
        let tracker = Tracker::start(connector, app).ok()?;
        let changes = Arc::clone(&tracker.changes);
        trackers.insert(app.to_owned(), tracker);
        Some(changes)
    }

    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        let mut stores = self
            .per_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        stores.retain(|_, store| store.strong_count() > 0);
        let thread = thread::current().id();
        if let Some(store) = stores.get(&thread).and_then(Weak::upgrade) {
            return store;
        }
        let store = Arc::new(Self {
            connection: self.connection.for_current_runtime(),
            replicated_writer: self.replicated_writer.clone(),
            per_thread: Arc::clone(&self.per_thread),
            trackers: Arc::clone(&self.trackers),
        });
        stores.insert(thread, Arc::downgrade(&store));
        store
    }
}
