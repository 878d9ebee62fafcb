//! Records jobs that are done, many in one call.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::sync::Arc;

use futures_util::future::{join_all, pending};
use tokio::task::{Id, JoinSet};
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

/// Records the jobs of a queue that are done. While a call for a partition is in progress the next jobs of it gather, so
/// that a queue of many short jobs needs few calls. A partition whose server is gone does not stop the others.
pub(super) struct Recorder {
    queue: Arc<Queue>,
    /// By partition.
    waiting: BTreeMap<usize, Vec<DoneJob>>,
    calls: JoinSet<()>,
    in_progress: HashMap<Id, Call>,
}

/// A call in progress.
struct Call {
    partition: usize,
    jobs: usize,
}

impl Recorder {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            waiting: BTreeMap::new(),
            calls: JoinSet::new(),
            in_progress: HashMap::new(),
        }
    }

    /// Returns the number of jobs that are not recorded yet.
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting.values().map(Vec::len);
        let in_progress = self.in_progress.values().map(|call| call.jobs);
        waiting.chain(in_progress).sum()
    }

    /// Adds a job to the next call for its partition.
    pub(super) fn add(&mut self, job: DoneJob) {
        self.waiting.entry(job.partition).or_default().push(job);
    }

    /// Begins a call for each partition with jobs that wait, unless one for it is in progress.
    pub(super) fn begin(&mut self) {
        let busy: Vec<_> = self
            .in_progress
            .values()
            .map(|call| call.partition)
            .collect();
        let (waiting, free): (BTreeMap<_, _>, BTreeMap<_, _>) = take(&mut self.waiting)
            .into_iter()
            .partition(|(partition, _)| busy.contains(partition));
        self.waiting = waiting;
        for (partition, jobs) in free {
            let call = Call {
                partition,
                jobs: jobs.len(),
            };
            let queue = Arc::clone(&self.queue);
            let task = self.calls.spawn(record(queue, partition, jobs));
            self.in_progress.insert(task.id(), call);
        }
    }

    /// Waits until a call in progress ends; for ever if none is.
    pub(super) async fn call_ended(&mut self) {
        let ended = match self.calls.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => pending().await,
        };
        self.in_progress.remove(&ended);
    }

    /// Records all jobs.
    pub(super) async fn record_all(&mut self) {
        while self.len() > 0 {
            self.begin();
            self.call_ended().await;
        }
    }
}

/// Records jobs of one partition.
async fn record(queue: Arc<Queue>, partition: usize, jobs: Vec<DoneJob>) {
    let chunks = jobs.chunks(MAX_JOBS_PER_CALL);
    join_all(chunks.map(|jobs| finish(&queue, partition, jobs))).await;
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
