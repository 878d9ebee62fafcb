//! Jobs in Redis: four keys for each partition of a queue, and one Lua script for each operation.

#[cfg(feature = "events")]
mod events;
mod keys;
mod scripts;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

#[cfg(feature = "events")]
pub use self::scripts::event::PUBLISH as PUBLISH_SCRIPT;
use crate::Error;
use crate::context::encode;
use crate::jobs::heartbeat::Heartbeat;
use crate::jobs::id::JobId;
use crate::jobs::record::StoredJob;
use crate::jobs::store_trait::{
    Claimed, Cursor, JobCounts, JobState, JobStore, JobWatch, Limit, NewJob, Next, QueueKey,
};
use crate::redis::{Client, TrackingHandler};
use crate::store::StoreFuture;

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 2] = ["ZRANK KEY member", "HGETALL KEY"];

/// The queues of a Redis server, or of a Cluster.
pub(super) struct RedisJobs {
    pub(super) client: Client,
}

impl RedisJobs {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

/// Receives the reports about changed queues.
struct DueHandler(Arc<Notify>);

impl TrackingHandler for DueHandler {
    fn invalidated(&self, _key: &[u8]) {
        self.0.notify_one();
    }

    fn all_invalidated(&self) {
        self.0.notify_one();
    }
}

impl JobStore for RedisJobs {
    fn partitions(&self) -> usize {
        self.client.partitions().len()
    }

    fn stored_partitions<'a>(
        &'a self,
        app: &'a str,
        stores: bool,
    ) -> StoreFuture<'a, Option<usize>> {
        let own = stores.then(|| self.partitions());
        Box::pin(workers::stored_partitions(&self.client, app, own))
    }

    fn enqueue<'a>(
        &'a self,
        queue: QueueKey<'a>,
        jobs: &'a [NewJob],
        max_due: usize,
    ) -> StoreFuture<'a, u64> {
        Box::pin(scripts::enqueue(&self.client, queue, jobs, max_due))
    }

    fn claim<'a>(
        &'a self,
        queue: QueueKey<'a>,
        lease: Duration,
        limit: Limit,
    ) -> StoreFuture<'a, Claimed> {
        Box::pin(scripts::claim(&self.client, queue, lease, limit))
    }

    fn finish<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64> {
        Box::pin(scripts::finish(&self.client, queue, ids))
    }

    fn retry<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a StoredJob,
        next: Next,
    ) -> StoreFuture<'a, bool> {
        Box::pin(scripts::retry(&self.client, queue, job, next))
    }

    fn replay<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64> {
        Box::pin(scripts::replay(&self.client, queue, ids))
    }

    fn is_leased<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<bool>> {
        Box::pin(scripts::is_leased(&self.client, queue, id))
    }

    fn list<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>> {
        Box::pin(scripts::list(&self.client, queue, state, after, limit))
    }

    fn newest<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>> {
        Box::pin(scripts::newest(&self.client, queue, state, limit))
    }

    fn watch(&self, queue: QueueKey<'_>) -> Result<JobWatch, Error> {
        let changed = Arc::new(Notify::new());
        if !self.client.supports_tracking() {
            return Ok(JobWatch::default());
        }
        let handler = Arc::new(DueHandler(Arc::clone(&changed)));
        let channel = format!("{}!beat", encode(queue.app));
        let prefix = keys::due_prefix(queue);
        Ok(JobWatch {
            changed,
            _registration: Some(self.client.track(prefix, channel, handler)?),
        })
    }

    fn beat<'a>(
        &'a self,
        app: &'a str,
        worker: &'a str,
        report: Option<&'a Heartbeat>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(workers::beat(&self.client, app, worker, report))
    }

    fn workers<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Heartbeat>> {
        Box::pin(workers::workers(&self.client, app))
    }

    fn counts<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, JobCounts> {
        Box::pin(scripts::counts(&self.client, queue))
    }

    fn trim<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, u64> {
        Box::pin(scripts::trim(&self.client, queue))
    }
}
