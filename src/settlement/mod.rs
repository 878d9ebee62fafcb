//! Settlement: the confirm or release of a claim after its page was served or dropped.
//!
//! Settlements wait in bounded queues, since no caller can wait for them: one queue on each actix
//! worker, and one on the background runtime.

mod apply;
mod background_queue;
#[cfg(feature = "web")]
mod local_queue;

use std::sync::Arc;
#[cfg(feature = "web")]
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

#[cfg(feature = "web")]
use futures_util::future::join_all;
use tokio::sync::oneshot;

use self::apply::{Applier, PendingSettlement};
use self::background_queue::BackgroundQueue;
#[cfg(feature = "web")]
use self::local_queue::{LocalQueue, QueueState};
use crate::call_policy::CallPolicy;
use crate::store::Store;

pub(crate) use self::apply::Settlement;

/// The settlement queues of a handle. Cheap to clone; clones share the queues.
#[derive(Clone)]
pub(crate) struct Settler {
    background: Arc<BackgroundQueue>,
    /// The queue of the worker for which the handle was created.
    #[cfg(feature = "web")]
    local: Option<Arc<LocalQueue>>,
    /// The queues of all workers, for [`flush`](Self::flush).
    #[cfg(feature = "web")]
    local_queues: Arc<Mutex<Vec<Weak<QueueState>>>>,
}

impl Settler {
    pub(crate) fn new(store: Arc<dyn Store>, calls: CallPolicy) -> Self {
        Self {
            background: Arc::new(BackgroundQueue::new(Applier { store, calls })),
            #[cfg(feature = "web")]
            local: None,
            #[cfg(feature = "web")]
            local_queues: Arc::default(),
        }
    }

    /// Adds a settlement without waiting. Callable from `Drop` on any thread.
    ///
    /// If both queues are full it is abandoned: the messages become visible again when the lease
    /// ends.
    pub(crate) fn enqueue(&self, app: &Arc<str>, settlement: Settlement) {
        self.push(app, settlement, None);
    }

    /// As [`enqueue`](Self::enqueue). The returned receiver completes, with an error, when the
    /// settlement has been attempted.
    #[cfg(feature = "web")]
    pub(crate) fn enqueue_and_wait(
        &self,
        app: &Arc<str>,
        settlement: Settlement,
    ) -> oneshot::Receiver<()> {
        let (done, attempted) = oneshot::channel();
        self.push(app, settlement, Some(done));
        attempted
    }

    fn push(&self, app: &Arc<str>, settlement: Settlement, done: Option<oneshot::Sender<()>>) {
        if settlement.claim().is_empty() {
            return;
        }
        let rejected = Some(PendingSettlement {
            app: Arc::clone(app),
            settlement,
            _done: done,
        });
        #[cfg(feature = "web")]
        let rejected = match &self.local {
            Some(local) => rejected.and_then(|pending| local.try_push(pending)),
            None => rejected,
        };
        if let Some(pending) = rejected {
            self.background.push(pending);
        }
    }

    /// Waits until every settlement added so far has been attempted, and each failed confirm once
    /// more.
    pub(crate) async fn flush(&self) {
        #[cfg(feature = "web")]
        {
            let workers: Vec<_> = self
                .lock_local_queues()
                .iter()
                .filter_map(Weak::upgrade)
                .collect();
            join_all(workers.iter().map(|state| state.flush())).await;
        }
        self.background.flush().await;
    }
}

#[cfg(feature = "web")]
impl Settler {
    /// Returns a settler for the current runtime, with its own queue and the store of that worker.
    pub(crate) fn for_current_runtime(&self, store: Arc<dyn Store>, calls: CallPolicy) -> Self {
        let local = LocalQueue::start(&self.background, Applier { store, calls }).map(Arc::new);
        let mut workers = self.lock_local_queues();
        workers.retain(|state| state.strong_count() > 0);
        workers.extend(local.as_ref().map(|local| local.state()));
        drop(workers);
        Self {
            local,
            ..self.clone()
        }
    }

    /// Returns a settler without a local queue, which any runtime may use.
    pub(crate) fn detached(&self) -> Self {
        Self {
            local: None,
            ..self.clone()
        }
    }

    fn lock_local_queues(&self) -> MutexGuard<'_, Vec<Weak<QueueState>>> {
        self.local_queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
