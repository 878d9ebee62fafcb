//! Records jobs that are done, many in one call.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use futures_util::future::{join_all, pending};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::jobs::id::JobId;
use crate::jobs::retry_schedule::RECORD_BACKOFF;
use crate::jobs::store_trait::MAX_JOBS_PER_CALL;
use crate::jobs::worker::queue::Queue;

/// A job that is done, and not yet recorded.
#[derive(Clone, Copy)]
pub(super) struct DoneJob {
    pub(super) partition: usize,
    pub(super) id: JobId,
    /// From then on another worker may have it.
    pub(super) lease_end: Instant,
}

/// Records the jobs of a queue that are done. While one call is in progress the next ones gather, so that a queue of
/// many short jobs needs few calls.
pub(super) struct Recorder {
    queue: Arc<Queue>,
    waiting: Vec<DoneJob>,
    in_progress: usize,
    call: JoinSet<()>,
}

impl Recorder {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            waiting: Vec::new(),
            in_progress: 0,
            call: JoinSet::new(),
        }
    }

    /// Returns the number of jobs that are not recorded yet.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.in_progress
    }

    /// Adds a job to the next call.
    pub(super) fn add(&mut self, job: DoneJob) {
        self.waiting.push(job);
    }

    /// Begins a call for the jobs that wait, unless one is in progress.
    pub(super) fn begin(&mut self) {
        if self.call.is_empty() && !self.waiting.is_empty() {
            let jobs = take(&mut self.waiting);
            self.in_progress = jobs.len();
            self.call.spawn(record(Arc::clone(&self.queue), jobs));
        }
    }

    /// Waits until the call in progress ends; for ever if none is.
    pub(super) async fn call_ended(&mut self) {
        match self.call.join_next().await {
            Some(_) => self.in_progress = 0,
            None => pending().await,
        }
    }

    /// Records all jobs.
    pub(super) async fn record_all(&mut self) {
        while self.len() > 0 {
            self.begin();
            self.call_ended().await;
        }
    }
}

/// Records jobs, with one call for each partition.
async fn record(queue: Arc<Queue>, jobs: Vec<DoneJob>) {
    let mut partitions: BTreeMap<usize, Vec<DoneJob>> = BTreeMap::new();
    for job in jobs {
        partitions.entry(job.partition).or_default().push(job);
    }
    let calls = partitions.iter().flat_map(|(partition, jobs)| {
        let chunks = jobs.chunks(MAX_JOBS_PER_CALL);
        chunks.map(|jobs| finish(&queue, *partition, jobs))
    });
    join_all(calls).await;
}

/// Records jobs of one partition, until the last lease ends: a job counts as done after its lease too.
async fn finish(queue: &Queue, partition: usize, jobs: &[DoneJob]) {
    let Some(lease_end) = jobs.iter().map(|job| job.lease_end).max() else {
        return;
    };
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let Queue { salver, store, .. } = queue;
    let finish = || store.finish(queue.key(partition), &ids);
    let write = || salver.write_idempotent("finish_job", finish);
    if let Err(error) = until_recorded(lease_end, write).await {
        let (jobs, queue) = (ids.len(), queue.handler.queue());
        tracing::warn!(%error, jobs, queue, "jobs that are done were not recorded; they will be attempted again");
    }
}

/// Repeats a write until it succeeds, or until a lease ends: then another worker attempts the job.
///
/// # Errors
///
/// That of the last write.
pub(super) async fn until_recorded<T, W>(
    lease_end: Instant,
    write: impl Fn() -> W,
) -> Result<T, Error>
where
    W: Future<Output = Result<T, Error>>,
{
    let mut backoff = RECORD_BACKOFF;
    loop {
        let error = match write().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let delay = backoff.next_jittered();
        if Instant::now() + delay > lease_end {
            return Err(error);
        }
        sleep(delay).await;
    }
}
