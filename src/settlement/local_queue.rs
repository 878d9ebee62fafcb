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
use crate::settlement::apply::{
    Applied, Applier, CALL_TIMEOUT, MAX_IN_FLIGHT, PendingSettlement, QUEUE_CAPACITY, Settlement,
};
use crate::settlement::background_queue::BackgroundQueue;

/// How long jobs wait for a worker that stands still: far less than a lease.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// A queue on a worker, which ends with its last handle or with its runtime. What does not fit, cannot be confirmed
/// at once, waits for a worker that stands still, or is left over, goes home.
pub(crate) struct LocalQueue(Arc<QueueState>);

impl Drop for LocalQueue {
    fn drop(&mut self) {
        self.0.lock().is_open = false;
        self.0.wake.notify_one();
    }
}

impl LocalQueue {
    /// Starts a queue on the calling runtime; without one, none.
    pub(crate) fn start(background: &Arc<BackgroundQueue>, applier: Applier) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let state = Arc::new(QueueState {
            background: Arc::clone(background),
            applier,
            queue: Mutex::default(),
            wake: Notify::new(),
            idle: Notify::new(),
        });
        state.lock().is_open = true;
        runtime.spawn(QueueTask(Arc::clone(&state)).run());
        // Without a thread of its own nobody looks after the worker: it has to go on by itself.
        let _ = runtime::spawn(watchdog(Arc::downgrade(&state)));
        Some(Self(state))
    }

    pub(crate) fn state(&self) -> Weak<QueueState> {
        Arc::downgrade(&self.0)
    }

    /// Takes a job, or gives it back.
    pub(crate) fn try_push(&self, pending: PendingSettlement) -> Option<PendingSettlement> {
        let mut queue = self.0.lock();
        if !queue.is_open || queue.pending.len() >= QUEUE_CAPACITY {
            return Some(pending);
        }
        queue.pending.push_back(pending);
        drop(queue);
        self.0.wake.notify_one();
        None
    }
}

#[derive(Default)]
struct Inner {
    pending: VecDeque<PendingSettlement>,
    /// How often some were taken out, by the worker or from it.
    batches: u64,
    /// How many have been taken out and are not done.
    in_flight: usize,
    is_open: bool,
}

/// What a queue and its task share.
pub(crate) struct QueueState {
    background: Arc<BackgroundQueue>,
    applier: Applier,
    queue: Mutex<Inner>,
    /// Rung for each job that comes, and when there come no more.
    wake: Notify,
    /// Rung when none is under way any more.
    idle: Notify,
}

impl QueueState {
    /// Sends home what has not been begun, and waits for what has.
    pub(crate) async fn flush(&self) {
        self.spill_to_background();
        let all = async {
            loop {
                let mut idle = pin!(self.idle.notified());
                idle.as_mut().enable();
                if self.lock().in_flight == 0 {
                    return;
                }
                idle.await;
            }
        };
        // A runtime that nobody drives finishes nothing: what it has begun is decided by the leases.
        let _ = timeout(CALL_TIMEOUT, all).await;
    }

    fn spill_to_background(&self) {
        let batch = std::mem::take(&mut self.lock().pending);
        batch
            .into_iter()
            .for_each(|pending| self.background.push(pending));
    }

    /// Gives how often the worker has had its turn, if any job waits for it.
    fn batches_while_waiting(&self) -> Option<u64> {
        let queue = self.lock();
        (!queue.pending.is_empty()).then_some(queue.batches)
    }

    /// Takes some out; nothing when there come no more.
    fn take_batch(&self) -> Option<Vec<PendingSettlement>> {
        let mut queue = self.lock();
        let next = queue.pending.len().min(MAX_IN_FLIGHT);
        queue.in_flight += next;
        queue.batches += 1;
        (next > 0 || queue.is_open).then(|| queue.pending.drain(..next).collect())
    }

    async fn apply(&self, pending: PendingSettlement) {
        let is_release = matches!(pending.settlement, Settlement::Release(_));
        let mut in_flight = InFlight {
            state: self,
            pending: Some(pending),
        };
        // A release is never sent twice, whatever becomes of this worker.
        if is_release && let Some(pending) = in_flight.pending.take() {
            self.applier.apply(&pending).await;
        } else if let Some(pending) = &in_flight.pending
            && self.applier.apply(pending).await == Applied::Done
        {
            in_flight.pending = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is half-changed when a panic strikes.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that has been begun: what of it is not done goes home.
struct InFlight<'a> {
    state: &'a QueueState,
    pending: Option<PendingSettlement>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.state.background.push(pending);
        }
        let mut queue = self.state.lock();
        queue.in_flight -= 1;
        if queue.in_flight == 0 {
            self.state.idle.notify_waiters();
        }
    }
}

/// Sees to it that no job waits for a worker that stands still: busy in a handler, or on a runtime that nobody drives.
async fn watchdog(state: Weak<QueueState>) {
    let mut before = None;
    loop {
        sleep(STALL_TIMEOUT).await;
        let Some(state) = state.upgrade() else {
            return;
        };
        let now = state.batches_while_waiting();
        if now.is_some() && now == before {
            state.spill_to_background();
        }
        before = now;
    }
}

/// What runs on the worker, and ends with it.
struct QueueTask(Arc<QueueState>);

impl QueueTask {
    async fn run(self) {
        while let Some(batch) = self.0.take_batch() {
            if batch.is_empty() {
                self.0.wake.notified().await;
            } else {
                join_all(batch.into_iter().map(|pending| self.0.apply(pending))).await;
            }
        }
    }
}

impl Drop for QueueTask {
    fn drop(&mut self) {
        self.0.lock().is_open = false;
        self.0.spill_to_background();
    }
}
