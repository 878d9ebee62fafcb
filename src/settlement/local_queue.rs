//! The ends of claims on the runtime that made them: an actix worker ends its own over its own connection, and
//! wakes no other thread for it.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::runtime;
use crate::settlement::apply::{AT_ONCE, Desk, End, Job, PATIENCE, QUEUE};
use crate::settlement::background_queue::Home;

/// How long jobs wait for a worker that stands still: far less than a lease.
const STANDSTILL: Duration = Duration::from_secs(1);

/// A queue on a worker, which ends with its last handle or with its runtime. What does not fit, cannot be confirmed
/// at once, waits for a worker that stands still, or is left over, goes home.
pub(crate) struct Near(Arc<Worker>);

impl Drop for Near {
    fn drop(&mut self) {
        self.0.queue().open = false;
        self.0.bell.notify_one();
    }
}

impl Near {
    /// Starts a queue on the calling runtime; without one, none.
    pub(crate) fn start(home: &Arc<Home>, desk: Desk) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let worker = Arc::new(Worker {
            home: Arc::clone(home),
            desk,
            queue: Mutex::default(),
            bell: Notify::new(),
            idle: Notify::new(),
        });
        worker.queue().open = true;
        runtime.spawn(Task(Arc::clone(&worker)).run());
        // Without a thread of its own nobody looks after the worker: it has to go on by itself.
        let _ = runtime::spawn(mind(Arc::downgrade(&worker)));
        Some(Self(worker))
    }

    pub(crate) fn worker(&self) -> Weak<Worker> {
        Arc::downgrade(&self.0)
    }

    /// Takes a job, or gives it back.
    pub(crate) fn take(&self, job: Job) -> Option<Job> {
        let mut queue = self.0.queue();
        if !queue.open || queue.jobs.len() >= QUEUE {
            return Some(job);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.0.bell.notify_one();
        None
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// How often some were taken out, by the worker or from it.
    turns: u64,
    /// How many have been taken out and are not done.
    under_way: usize,
    open: bool,
}

/// What a queue and its task share.
pub(crate) struct Worker {
    home: Arc<Home>,
    desk: Desk,
    queue: Mutex<Queue>,
    /// Rung for each job that comes, and when there come no more.
    bell: Notify,
    /// Rung when none is under way any more.
    idle: Notify,
}

impl Worker {
    /// Sends home what has not been begun, and waits for what has.
    pub(crate) async fn drain(&self) {
        self.go_home();
        let all = async {
            loop {
                let mut idle = pin!(self.idle.notified());
                idle.as_mut().enable();
                if self.queue().under_way == 0 {
                    return;
                }
                idle.await;
            }
        };
        // A runtime that nobody drives finishes nothing: what it has begun is decided by the leases.
        let _ = timeout(PATIENCE, all).await;
    }

    fn go_home(&self) {
        let jobs = std::mem::take(&mut self.queue().jobs);
        jobs.into_iter().for_each(|job| self.home.take(job));
    }

    /// Gives how often the worker has had its turn, if any job waits for it.
    fn waits(&self) -> Option<u64> {
        let queue = self.queue();
        (!queue.jobs.is_empty()).then_some(queue.turns)
    }

    /// Takes some out; nothing when there come no more.
    fn next(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue();
        let next = queue.jobs.len().min(AT_ONCE);
        queue.under_way += next;
        queue.turns += 1;
        (next > 0 || queue.open).then(|| queue.jobs.drain(..next).collect())
    }

    async fn end(&self, job: Job) {
        let is_release = matches!(job.end, End::Release(_));
        let mut under_way = UnderWay {
            worker: self,
            job: Some(job),
        };
        // A release is never sent twice, whatever becomes of this worker.
        if is_release && let Some(job) = under_way.job.take() {
            self.desk.end(&job).await;
        } else if let Some(job) = &under_way.job
            && self.desk.end(job).await
        {
            under_way.job = None;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here is half-changed when a panic strikes.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that has been begun: what of it is not done goes home.
struct UnderWay<'a> {
    worker: &'a Worker,
    job: Option<Job>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.worker.home.take(job);
        }
        let mut queue = self.worker.queue();
        queue.under_way -= 1;
        if queue.under_way == 0 {
            self.worker.idle.notify_waiters();
        }
    }
}

/// Sees to it that no job waits for a worker that stands still: busy in a handler, or on a runtime that nobody drives.
async fn mind(worker: Weak<Worker>) {
    let mut before = None;
    loop {
        sleep(STANDSTILL).await;
        let Some(worker) = worker.upgrade() else {
            return;
        };
        let now = worker.waits();
        if now.is_some() && now == before {
            worker.go_home();
        }
        before = now;
    }
}

/// What runs on the worker, and ends with it.
struct Task(Arc<Worker>);

impl Task {
    async fn run(self) {
        while let Some(jobs) = self.0.next() {
            if jobs.is_empty() {
                self.0.bell.notified().await;
            } else {
                join_all(jobs.into_iter().map(|job| self.0.end(job))).await;
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.queue().open = false;
        self.0.go_home();
    }
}
