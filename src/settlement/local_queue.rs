//! The settlement queue of one actix worker. The worker settles its claims over its own connection,
//! without waking another thread.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{FutureExt, join, join_all};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::deadline::{read_timed_out, with_deadline};
use crate::runtime;
use crate::settlement::apply::{
    Applied, Applier, CALL_TIMEOUT, MAX_IN_FLIGHT, PendingSettlement, QUEUE_CAPACITY, Settlement,
};
use crate::settlement::background_queue::BackgroundQueue;

/// How long settlements wait for a stalled worker. Far less than a lease, which must not end first.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// The queue of one worker. It ends with its last handle or with the runtime of the worker.
///
/// Settlements move to the background queue when the worker stalls, or when the queue ends. A
/// confirm whose first attempt fails moves too. The caller of [`try_push`](Self::try_push) moves
/// those that this queue rejects.
pub(crate) struct LocalQueue(Arc<QueueState>);

impl Drop for LocalQueue {
    fn drop(&mut self) {
        self.0.lock().is_open = false;
        self.0.wake.notify_one();
    }
}

impl LocalQueue {
    /// Starts a queue on the current runtime; `None` outside of a runtime.
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
        // If the background thread cannot be started, the queue works without a watchdog.
        let _ = runtime::spawn(watchdog(Arc::downgrade(&state)));
        Some(Self(state))
    }

    pub(crate) fn state(&self) -> Weak<QueueState> {
        Arc::downgrade(&self.0)
    }

    /// Adds a settlement; returns it if the queue is full or has ended.
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
    /// How many batches the worker has taken.
    batches: u64,
    /// How many settlements have been taken and are not done.
    in_flight: usize,
    is_open: bool,
}

/// The state that a queue shares with its task and its watchdog.
pub(crate) struct QueueState {
    background: Arc<BackgroundQueue>,
    applier: Applier,
    queue: Mutex<Inner>,
    /// Notified for each new settlement, and when the queue ends.
    wake: Notify,
    /// Notified when no settlement is in flight any more.
    idle: Notify,
}

impl QueueState {
    /// Moves the waiting settlements to the background queue, and waits for those in flight.
    pub(crate) async fn flush(&self) {
        self.spill_to_background();
        let until_idle = async {
            loop {
                let mut idle = pin!(self.idle.notified());
                idle.as_mut().enable();
                if self.lock().in_flight == 0 {
                    return;
                }
                idle.await;
            }
        };
        // Limited, since a runtime that is not polled finishes nothing. The messages of its
        // settlements in flight then become visible when their leases expire.
        let until_idle = until_idle.map(Ok);
        let _ = with_deadline(CALL_TIMEOUT, until_idle, read_timed_out).await;
    }

    fn spill_to_background(&self) {
        let batch = std::mem::take(&mut self.lock().pending);
        batch
            .into_iter()
            .for_each(|pending| self.background.push(pending));
    }

    /// Returns how many batches the worker has taken, if settlements are waiting.
    fn batches_while_waiting(&self) -> Option<u64> {
        let queue = self.lock();
        (!queue.pending.is_empty()).then_some(queue.batches)
    }

    /// Takes the next settlements, at most [`MAX_IN_FLIGHT`]; `None` when the queue has ended and
    /// is empty.
    fn take_batch(&self) -> Option<Vec<PendingSettlement>> {
        let mut queue = self.lock();
        let next = queue.pending.len().min(MAX_IN_FLIGHT);
        queue.in_flight += next;
        queue.batches += 1;
        (next > 0 || queue.is_open).then(|| queue.pending.drain(..next).collect())
    }

    /// Applies the settlements: all confirms with one write, where the store can.
    async fn apply_all(&self, batch: Vec<PendingSettlement>) {
        let in_flight = batch.into_iter().map(|pending| InFlight {
            state: self,
            pending: Some(pending),
        });
        let (confirms, releases): (Vec<_>, Vec<_>) = in_flight.partition(InFlight::is_confirm);
        let releases = releases.into_iter().map(|in_flight| self.apply(in_flight));
        join(self.confirm_all(confirms), join_all(releases)).await;
    }

    async fn confirm_all(&self, mut confirms: Vec<InFlight<'_>>) {
        if confirms.len() > 1 {
            let pending: Vec<_> = confirms
                .iter()
                .filter_map(|in_flight| in_flight.pending.as_ref())
                .collect();
            match self.applier.confirm_batch(&pending).await {
                Some(Applied::Done) => {
                    confirms
                        .iter_mut()
                        .for_each(|in_flight| in_flight.pending = None);
                    return;
                }
                // They are dropped, and so move to the background queue.
                Some(Applied::Retry) => return,
                None => {}
            }
        }
        join_all(confirms.into_iter().map(|in_flight| self.apply(in_flight))).await;
    }

    async fn apply(&self, mut in_flight: InFlight<'_>) {
        let is_release = !in_flight.is_confirm();
        // A release is never sent twice: it is removed first, so that dropping this future does not
        // requeue it.
        if is_release && let Some(pending) = in_flight.pending.take() {
            self.applier.apply(&pending).await;
        } else if let Some(pending) = &in_flight.pending
            && self.applier.apply(pending).await == Applied::Done
        {
            in_flight.pending = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No critical section can panic between two related changes.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A settlement in flight. If it is dropped before it is done, it moves to the background queue.
struct InFlight<'a> {
    state: &'a QueueState,
    pending: Option<PendingSettlement>,
}

impl InFlight<'_> {
    fn is_confirm(&self) -> bool {
        let settlement = self.pending.as_ref().map(|pending| &pending.settlement);
        matches!(settlement, Some(Settlement::Confirm(_)))
    }
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

/// Moves waiting settlements to the background queue when the worker has taken no batch for
/// [`STALL_TIMEOUT`]: a handler blocks it, or its runtime is not polled.
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

/// The task on the worker. Dropping it, as the end of the runtime does, ends the queue.
struct QueueTask(Arc<QueueState>);

impl QueueTask {
    async fn run(self) {
        while let Some(batch) = self.0.take_batch() {
            if batch.is_empty() {
                self.0.wake.notified().await;
            } else {
                self.0.apply_all(batch).await;
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
