//! The interface of the storage of jobs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::Error;
use crate::jobs::heartbeat::Heartbeat;
use crate::jobs::id::JobId;
use crate::jobs::record::{Record, StoredJob};
#[cfg(feature = "redis")]
use crate::redis::Registration;
use crate::store::StoreFuture;

/// Claims without an outcome after which a job is not attempted any more: it kills its workers. The worker that claims it
/// next reports that it is dead.
pub(crate) const MAX_CLAIMS: u32 = 5;
/// Claims without an outcome after which a job is dead without a report: the reports kill workers too. One digit in Redis.
pub(crate) const MAX_REPORT_CLAIMS: u32 = 9;
/// Claims without an outcome after which a worker attempts a job beside no other such job: the next claim may end its
/// process too, and would count for the others. A worker that is killed, for a deployment, ends one claim of many.
pub(crate) const MAX_SHARED_CLAIMS: u32 = 2;
/// How long suspects wait that fill the view of a claim while another one is attempted, so that it reaches the jobs behind
/// them. Short: the worker may be free for another suspect before.
pub(crate) const SUSPECT_DELAY: Duration = Duration::from_secs(5);
/// Most jobs of one call. Bounds the time for which a call keeps others waiting.
pub(crate) const MAX_JOBS_PER_CALL: usize = 500;

/// How many jobs may wait for each that may be due: daily mails of many people wait on a healthy site.
pub(crate) const MAX_WAITING_PER_DUE: usize = 10;

/// One partition of a queue of an application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueKey<'a> {
    pub(crate) app: &'a str,
    pub(crate) queue: &'static str,
    pub(crate) partition: usize,
}

/// A job to enqueue.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    /// The time from which it may be claimed, in Unix milliseconds; 0 for now.
    pub(crate) time: u64,
    pub(crate) record: Record,
}

/// Jobs that are leased to the caller.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    /// The time of the store, in Unix milliseconds.
    pub(crate) now: u64,
    /// How many died without a report, because no claim of theirs had an outcome.
    pub(crate) crashed: u64,
    /// Those with more than [`MAX_CLAIMS`] claims are not to be attempted, but to be reported as dead.
    pub(crate) jobs: Vec<StoredJob>,
    /// When the next job may be claimed that is not due yet, or for which there was no room.
    pub(crate) next_time: Option<u64>,
    /// The time of the first job that is not dead, in Unix milliseconds.
    pub(crate) first_time: Option<u64>,
    /// How many are not dead, leased ones included.
    pub(crate) waiting: u64,
    pub(crate) dead: u64,
}

/// How many jobs a claim leases at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) jobs: usize,
    /// Those among them with [`MAX_SHARED_CLAIMS`] or more claims without an outcome.
    pub(crate) suspects: usize,
}

/// When a job that was not done may be claimed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    After(Duration),
    /// Never: it is dead until an operator replays it.
    Dead,
}

/// What jobs are selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Due or scheduled, and leased ones.
    Waiting,
    Dead,
}

/// A place in a list of jobs: after the job with this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) time: u64,
    pub(crate) id: JobId,
}

impl Cursor {
    /// Returns the place after the last job of a page; `None` after an empty one, with which a list ends.
    pub(crate) fn after(page: &[StoredJob]) -> Option<Self> {
        let StoredJob { time, id, .. } = page.last()?;
        Some(Self {
            time: *time,
            id: *id,
        })
    }
}

/// Wakes a worker when jobs were added to a queue.
#[derive(Default)]
pub(crate) struct JobWatch {
    pub(crate) changed: Arc<Notify>,
    /// Ends the reports of the server when the watch is dropped.
    #[cfg(feature = "redis")]
    pub(crate) _registration: Option<Registration>,
}

/// The number of jobs of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobCounts {
    /// Those that may be claimed now.
    pub(crate) due: u64,
    /// Those that may be claimed later, leased ones included.
    pub(crate) later: u64,
    pub(crate) dead: u64,
    /// How long the oldest of those that may be claimed has waited.
    pub(crate) latency: Duration,
}

/// The storage of jobs. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(crate) trait JobStore: Send + Sync {
    /// Returns the number of partitions of a queue.
    fn partitions(&self) -> usize;

    /// Returns the number of partitions into which the queues of an application were divided when its first worker
    /// began; `None` before. `stores`: whether this process may be the first.
    fn stored_partitions<'a>(
        &'a self,
        app: &'a str,
        stores: bool,
    ) -> StoreFuture<'a, Option<usize>>;

    /// Adds jobs, unless the queue has or had one of this id. Returns how many were added.
    ///
    /// # Errors
    ///
    /// `is_full` for more than `max_due` due jobs, or [`MAX_WAITING_PER_DUE`] times as many that are due or wait for
    /// their time; none is added then.
    fn enqueue<'a>(
        &'a self,
        queue: QueueKey<'a>,
        jobs: &'a [NewJob],
        max_due: usize,
    ) -> StoreFuture<'a, u64>;

    /// Leases at most `limit` due jobs, those that wait longest first.
    fn claim<'a>(
        &'a self,
        queue: QueueKey<'a>,
        lease: Duration,
        limit: Limit,
    ) -> StoreFuture<'a, Claimed>;

    /// Records that jobs are done or cancelled, even if other claims hold their leases. Returns how many were not
    /// before.
    fn finish<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64>;

    /// Ends a lease without success. Does nothing, and returns `false`, if another claim has the job
    /// by now. `job`: what is stored about it from then on, with the end of the lease as its time.
    fn retry<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a StoredJob,
        next: Next,
    ) -> StoreFuture<'a, bool>;

    /// Makes jobs that are dead or wait for their time due at once. Returns how many.
    fn replay<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64>;

    /// Returns whether a job is leased; `None` for one that is not stored. Changes nothing.
    fn is_leased<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<bool>>;

    /// Returns at most `limit` jobs after a cursor, in the order of their times. Changes nothing.
    fn list<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>>;

    /// Returns the jobs with the latest times, the latest first, at most `limit`. Changes nothing.
    fn newest<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>>;

    /// Reports new jobs of all partitions of a queue. Without reports, as with a connection pool, it never wakes.
    ///
    /// # Errors
    ///
    /// `is_unavailable` when the background thread cannot be started.
    fn watch(&self, queue: QueueKey<'_>) -> Result<JobWatch, Error>;

    /// Records that a worker runs; `None`: that it has stopped.
    fn beat<'a>(
        &'a self,
        app: &'a str,
        worker: &'a str,
        report: Option<&'a Heartbeat>,
    ) -> StoreFuture<'a, ()>;

    /// Returns the workers that run. Changes nothing.
    fn workers<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Heartbeat>>;

    /// Changes nothing.
    fn counts<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, JobCounts>;

    /// Forgets jobs that were done or died long ago. Returns how many.
    fn trim<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, u64>;
}
