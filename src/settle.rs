//! How claims end when nobody can wait for it: a bounded queue on Salver's own thread.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

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

enum Job {
    End(End),
    Drained(oneshot::Sender<()>),
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
    pub(crate) fn hand_over(&self, end: End) {
        let claim = match &end {
            End::Confirm(claim) | End::Release(claim) => claim,
        };
        if claim.is_empty() {
            return;
        }
        let queued = self
            .queue()
            .as_ref()
            .is_ok_and(|queue| queue.try_send(Job::End(end)).is_ok());
        if !queued {
            tracing::warn!(
                "the end of a claim found no room: its messages come back with the lease"
            );
        }
    }

    /// Waits until everything handed over so far has been done.
    pub(crate) async fn drain(&self) {
        let (done, wait) = oneshot::channel();
        if let Some(Ok(queue)) = self.queue.get()
            && queue.send(Job::Drained(done)).await.is_ok()
        {
            // An error means that the queue is gone, and with it all that was in it.
            let _ = wait.await;
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
        let (ends, drained): (Vec<_>, Vec<_>) =
            jobs.drain(..).partition(|job| matches!(job, Job::End(_)));
        join_all(ends.into_iter().map(|job| settle(&store, job))).await;
        for job in drained {
            settle(&store, job).await;
        }
    }
}

async fn settle(store: &Arc<dyn Store>, job: Job) {
    let (word, outcome) = match &job {
        Job::End(End::Confirm(claim)) => ("confirm", timeout(PATIENCE, store.confirm(claim)).await),
        Job::End(End::Release(claim)) => ("release", timeout(PATIENCE, store.release(claim)).await),
        Job::Drained(_) => {
            if let Job::Drained(done) = job {
                // Nobody waits any more: fine.
                let _ = done.send(());
            }
            return;
        }
    };
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "{word} failed: the lease decides"),
        Err(_) => tracing::warn!("{word} was not answered in time: the lease decides"),
    }
}
