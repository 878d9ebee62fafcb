//! How claims end when nobody can wait for it: a bounded queue on Salver's own thread.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::store::{Claim, Store};
use crate::{Error, home};

/// Most ends that wait. Bounds the memory that a store which is down can cost; what finds no room comes
/// back when its lease ends.
const QUEUE: usize = 1024;
/// Most ends that are on their way at once: enough to fill one connection's pipeline.
const AT_ONCE: usize = 64;
/// Longest wait for one end. Stops a store that never answers from holding up the queue.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a claim ends.
#[derive(Debug)]
pub(crate) enum End {
    #[cfg_attr(
        not(feature = "web"),
        expect(dead_code, reason = "only pages confirm without waiting")
    )]
    Confirm(Claim),
    Release(Claim),
}

/// An end, or nothing but a mark in the queue, and who waits for it.
struct Job {
    end: Option<End>,
    done: oneshot::Sender<()>,
}

/// The sending half, started when the first claim ends.
pub(crate) struct Settle {
    store: Arc<dyn Store>,
    queue: OnceLock<Result<mpsc::Sender<Job>, Error>>,
}

impl Settle {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            queue: OnceLock::new(),
        }
    }

    /// Hands over the end of a claim: never waits, never fails. Callable from `Drop` on any thread.
    ///
    /// What comes back tells when it was tried; it need not be waited for.
    pub(crate) fn hand_over(&self, end: End) -> oneshot::Receiver<()> {
        let (done, tried) = oneshot::channel();
        let claim = match &end {
            End::Confirm(claim) | End::Release(claim) => claim,
        };
        if !claim.is_empty() {
            let end = Some(end);
            let queue = self.queue().as_ref();
            if !queue.is_ok_and(|queue| queue.try_send(Job { end, done }).is_ok()) {
                tracing::warn!("the end of a claim found no room: the lease decides");
            }
        }
        tried
    }

    /// Waits until everything handed over so far has been tried.
    pub(crate) async fn drain(&self) {
        let (done, reached) = oneshot::channel();
        if let Some(Ok(queue)) = self.queue.get()
            && queue.send(Job { end: None, done }).await.is_ok()
        {
            // An error means that the queue is gone, and with it all that was in it.
            let _ = reached.await;
        }
    }

    fn queue(&self) -> &Result<mpsc::Sender<Job>, Error> {
        self.queue.get_or_init(|| {
            let (send, receive) = mpsc::channel(QUEUE);
            home::spawn(run(Arc::clone(&self.store), receive)).map(|_| send)
        })
    }
}

async fn run(store: Arc<dyn Store>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(AT_ONCE);
    while queue.recv_many(&mut jobs, AT_ONCE).await > 0 {
        // Marks last: they tell that what stands before them was tried.
        let (ends, marks): (Vec<_>, Vec<_>) = jobs.drain(..).partition(|job| job.end.is_some());
        join_all(ends.into_iter().map(|job| settle(&*store, job))).await;
        join_all(marks.into_iter().map(|job| settle(&*store, job))).await;
    }
}

async fn settle(store: &dyn Store, Job { end, done }: Job) {
    let tried = async {
        match &end {
            Some(End::Confirm(claim)) => store.confirm(claim).await,
            Some(End::Release(claim)) => store.release(claim).await,
            None => Ok(()),
        }
    };
    // A store that panics must not take the ends of all other claims with it.
    match timeout(PATIENCE, AssertUnwindSafe(tried).catch_unwind()).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "a claim was not ended: the lease decides"),
        Ok(Err(_)) => tracing::error!("the store panicked at the end of a claim"),
        Err(_) => tracing::warn!("the end of a claim was not answered in time: the lease decides"),
    }
    // Nobody may be waiting: fine.
    let _ = done.send(());
}
