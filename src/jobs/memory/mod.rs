//! Jobs in the memory of this process.

#[cfg(feature = "events")]
mod event_log;
#[cfg(feature = "events")]
mod events;
mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;
use crate::jobs::heartbeat::{HEARTBEAT_TTL, Heartbeat};
use crate::jobs::id::JobId;
use crate::jobs::memory::queue::Queue;
use crate::jobs::record::StoredJob;
use crate::jobs::store_trait::{
    Claimed, Cursor, JobCounts, JobState, JobStore, JobWatch, Limit, NewJob, Next, QueueKey,
};
use crate::store::{Clock, MemoryBackend, StoreFuture, millis};

/// The queues of a memory store.
pub(super) struct MemoryJobs {
    clock: Clock,
    queues: Arc<Queues>,
    workers: Arc<Workers>,
}

#[derive(Default)]
struct Queues(Mutex<HashMap<(Box<str>, &'static str), Queue>>);

/// The workers that run, with the end of their reports.
#[derive(Default)]
struct Workers(Mutex<HashMap<WorkerKey, (u64, Heartbeat)>>);

/// Application and id.
type WorkerKey = (Box<str>, Box<str>);

impl MemoryJobs {
    pub(super) fn new(backend: MemoryBackend) -> Self {
        Self {
            queues: backend.data.get(),
            workers: backend.data.get(),
            clock: backend.clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Box<str>, &'static str), Queue>> {
        // A panic under the lock is a bug in this crate. The sets are consistent between
        // operations, so a poisoned lock is safe to use.
        self.queues.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, key: QueueKey<'_>, operation: impl FnOnce(&mut Queue, u64) -> T) -> T {
        let now = self.clock.now();
        let mut queues = self.lock();
        let queue = queues.entry((key.app.into(), key.queue)).or_default();
        operation(queue, now)
    }
}

impl JobStore for MemoryJobs {
    fn partitions(&self) -> usize {
        1
    }

    fn stored_partitions<'a>(&'a self, _: &'a str, _: bool) -> StoreFuture<'a, Option<usize>> {
        Box::pin(async { Ok(Some(self.partitions())) })
    }

    fn enqueue<'a>(
        &'a self,
        queue: QueueKey<'a>,
        jobs: &'a [NewJob],
        max_due: usize,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.with(queue, |queue, now| queue.enqueue(now, jobs, max_due)) })
    }

    fn claim<'a>(
        &'a self,
        queue: QueueKey<'a>,
        lease: Duration,
        limit: Limit,
    ) -> StoreFuture<'a, Claimed> {
        Box::pin(async move { Ok(self.with(queue, |queue, now| queue.claim(now, lease, limit))) })
    }

    fn finish<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            Ok(self.with(queue, |queue, now| {
                ids.iter().filter(|id| queue.finish(now, **id)).count() as u64
            }))
        })
    }

    fn retry<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a StoredJob,
        next: Next,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(self.with(queue, |queue, now| queue.retry(now, job, next))) })
    }

    fn replay<'a>(&'a self, queue: QueueKey<'a>, ids: &'a [JobId]) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            Ok(self.with(queue, |queue, now| {
                ids.iter().filter(|id| queue.replay(now, **id)).count() as u64
            }))
        })
    }

    fn is_leased<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<bool>> {
        Box::pin(async move { Ok(self.with(queue, |queue, _| queue.is_leased(id))) })
    }

    fn list<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>> {
        Box::pin(async move { Ok(self.with(queue, |queue, _| queue.list(state, after, limit))) })
    }

    fn newest<'a>(
        &'a self,
        queue: QueueKey<'a>,
        state: JobState,
        limit: usize,
    ) -> StoreFuture<'a, Vec<StoredJob>> {
        Box::pin(async move { Ok(self.with(queue, |queue, _| queue.newest(state, limit))) })
    }

    fn watch(&self, queue: QueueKey<'_>) -> Result<JobWatch, Error> {
        let changed = self.with(queue, |queue, _| Arc::clone(&queue.changed));
        Ok(JobWatch {
            changed,
            #[cfg(feature = "redis")]
            _registration: None,
        })
    }

    fn beat<'a>(
        &'a self,
        app: &'a str,
        worker: &'a str,
        report: Option<&'a Heartbeat>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let ends = self.clock.now() + millis(HEARTBEAT_TTL);
            let mut workers = self
                .workers
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let key = (app.into(), worker.into());
            match report {
                Some(report) => workers.insert(key, (ends, report.clone())),
                None => workers.remove(&key),
            };
            Ok(())
        })
    }

    fn workers<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Heartbeat>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut workers = self
                .workers
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            workers.retain(|_, (ends, _)| *ends >= now);
            let of_app = workers.iter().filter(|((other, _), _)| **other == *app);
            Ok(of_app.map(|(_, (_, report))| report.clone()).collect())
        })
    }

    fn counts<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, JobCounts> {
        Box::pin(async move { Ok(self.with(queue, |queue, now| queue.counts(now))) })
    }

    fn trim<'a>(&'a self, queue: QueueKey<'a>) -> StoreFuture<'a, u64> {
        Box::pin(async move { Ok(self.with(queue, |queue, now| queue.trim(now))) })
    }
}
