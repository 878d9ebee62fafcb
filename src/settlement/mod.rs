//! How claims end when nobody can wait for it: in a bounded queue on the worker that made them, or on Salver's own
//! thread.

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

use self::apply::{Desk, Job};
use self::background_queue::Home;
#[cfg(feature = "web")]
use self::local_queue::{Near, Worker};
use crate::call_policy::CallPolicy;
use crate::store::Store;

pub(crate) use self::apply::End;

/// Where a handle hands over the ends of its claims. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Settle {
    home: Arc<Home>,
    /// The queue of the worker that the handle is for.
    #[cfg(feature = "web")]
    near: Option<Arc<Near>>,
    /// All workers that there are, to be waited for.
    #[cfg(feature = "web")]
    workers: Arc<Mutex<Vec<Weak<Worker>>>>,
}

impl Settle {
    pub(crate) fn new(store: Arc<dyn Store>, calls: CallPolicy) -> Self {
        Self {
            home: Arc::new(Home::new(Desk { store, calls })),
            #[cfg(feature = "web")]
            near: None,
            #[cfg(feature = "web")]
            workers: Arc::default(),
        }
    }

    /// Hands over the end of a claim: never waits, never fails. Callable from `Drop` on any thread.
    pub(crate) fn hand_over(&self, app: &Arc<str>, end: End) {
        self.post(app, end, None);
    }

    /// Does the same; what comes back ends when it was tried.
    #[cfg(feature = "web")]
    pub(crate) fn hand_over_and_tell(&self, app: &Arc<str>, end: End) -> oneshot::Receiver<()> {
        let (done, tried) = oneshot::channel();
        self.post(app, end, Some(done));
        tried
    }

    fn post(&self, app: &Arc<str>, end: End, done: Option<oneshot::Sender<()>>) {
        if end.claim().is_empty() {
            return;
        }
        let left = Some(Job {
            app: Arc::clone(app),
            end,
            _done: done,
        });
        #[cfg(feature = "web")]
        let left = match &self.near {
            Some(near) => left.and_then(|job| near.take(job)),
            None => left,
        };
        if let Some(job) = left {
            self.home.take(job);
        }
    }

    /// Waits until everything handed over so far has been tried, and what failed once more.
    pub(crate) async fn drain(&self) {
        #[cfg(feature = "web")]
        {
            let workers: Vec<_> = self.workers().iter().filter_map(Weak::upgrade).collect();
            join_all(workers.iter().map(|worker| worker.drain())).await;
        }
        self.home.drain().await;
    }
}

#[cfg(feature = "web")]
impl Settle {
    /// Gives one for the calling runtime, by that worker's own store.
    pub(crate) fn here(&self, store: Arc<dyn Store>, calls: CallPolicy) -> Self {
        let near = Near::start(&self.home, Desk { store, calls }).map(Arc::new);
        let mut workers = self.workers();
        workers.retain(|worker| worker.strong_count() > 0);
        workers.extend(near.as_ref().map(|near| near.worker()));
        drop(workers);
        Self {
            near,
            ..self.clone()
        }
    }

    /// Gives the one that any runtime may use.
    pub(crate) fn anywhere(&self) -> Self {
        Self {
            near: None,
            ..self.clone()
        }
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Weak<Worker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
