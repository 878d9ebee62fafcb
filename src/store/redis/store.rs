//! The Redis store: every operation on messages is one Lua script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::redis::{Client, ConnectionConfig};
#[cfg(feature = "cluster")]
use crate::store::redis::cluster_migration;
use crate::store::redis::pending_index::IndexTracking;
use crate::store::redis::scripts::{self, ReadMode};
use crate::store::redis::{health, sweep};
use crate::store::{
    AddOutcome, Backend, BackendKind, Changes, Claim, Issue, Limits, ReadResult, Selector, Store,
    StoreFuture, StoreStats, SweepProgress,
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
    client: Client,
    /// The pending indexes, by application.
    indexes: Arc<Mutex<HashMap<String, IndexTracking>>>,
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
        Self::with_client(Client::from_pool(pool))
    }

    pub(super) fn from_config(config: &ConnectionConfig) -> Result<Self, Error> {
        Client::new(config).map(Self::with_client)
    }

    fn with_client(client: Client) -> Self {
        Self {
            client,
            indexes: Arc::default(),
        }
    }

    /// Returns the change notifications of an application, if they have been requested before.
    fn changes_of(&self, app: &str) -> Option<Arc<Changes>> {
        let indexes = self.lock_indexes();
        indexes.get(app).map(|index| Arc::clone(&index.changes))
    }

    fn lock_indexes(&self) -> MutexGuard<'_, HashMap<String, IndexTracking>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
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
        let claim = scripts::read(&self.client, contexts, mode, lease, max_age).await?;
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
                0 => self.client.execute(&add).await.map(|parts| (parts, true)),
                replicas => {
                    self.client
                        .execute_replicated(add, replicas, limits.replica_timeout)
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
                &self.client,
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
                &self.client,
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
            if self.client.is_cluster() {
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
        Box::pin(scripts::confirm(&self.client, claim))
    }

    #[cfg(feature = "web")]
    fn confirm_batch<'a>(&'a self, claims: &'a [&'a Claim]) -> Option<StoreFuture<'a, bool>> {
        self.client.runs_batches().then(|| -> StoreFuture<'a, _> {
            Box::pin(scripts::confirm_batch(&self.client, claims))
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let released = scripts::release(&self.client, claim).await;
            for claimed in &claim.members {
                self.mark_changed(&claimed.context);
            }
            released
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64> {
        Box::pin(scripts::retract(&self.client, context, selector))
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        Box::pin(scripts::clear(&self.client, context))
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::clear_session(&self.client, app, session, close))
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
            if self.client.is_cluster() {
                return cluster_migration::migrate(&self.client, app, from, to, reopen, limits)
                    .await;
            }
            scripts::migrate(&self.client, app, from, to, reopen, limits).await
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        Box::pin(scripts::contexts(&self.client, app, session))
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        max_age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        Box::pin(sweep::sweep(&self.client, app, max_age, from))
    }

    fn stats<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        Box::pin(sweep::stats(&self.client, app, from))
    }

    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        Box::pin(async move {
            let mut issues = health::check(&self.client, app).await?;
            issues.extend(self.lock_indexes().get(app).and_then(IndexTracking::issue));
            Ok(issues)
        })
    }

    fn changes(&self, app: &str) -> Option<Arc<Changes>> {
        if !self.client.supports_tracking() {
            return None;
        }
        let mut indexes = self.lock_indexes();
        if let Some(index) = indexes.get(app) {
            return Some(Arc::clone(&index.changes));
        }
        // Names of applications can come from user input: unused indexes end before another one
        // starts.
        indexes.retain(|_, index| index.is_needed());
        // If the background runtime cannot start, there is no index, and pages query.
        let index = IndexTracking::start(&self.client, app).ok()?;
        let changes = Arc::clone(&index.changes);
        indexes.insert(app.to_owned(), index);
        Some(changes)
    }

    #[cfg(feature = "web")]
    fn page_changes(&self, app: &str) -> Option<Arc<Changes>> {
        // A Cluster has no index: pages alone need no connections to all primaries.
        (!self.client.is_cluster())
            .then(|| self.changes(app))
            .flatten()
    }

    fn backend(&self) -> Backend {
        Backend(BackendKind::Redis(
            #[cfg(feature = "inbox")]
            self.client.clone(),
        ))
    }

    fn for_worker(self: Arc<Self>) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            client: self.client.for_worker(),
            indexes: Arc::clone(&self.indexes),
        }))
    }

    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        Arc::new(Self {
            client: self.client.for_current_runtime(),
            indexes: Arc::clone(&self.indexes),
        })
    }
}
