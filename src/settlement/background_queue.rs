//! The ends of claims on Salver's own thread, which outlives every worker.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::log_limit::LogLimit;
use crate::settlement::apply::{
    Applied, Applier, MAX_IN_FLIGHT, PendingSettlement, QUEUE_CAPACITY,
};
use crate::{Error, runtime};

/// Most confirms that wait to be tried again. Bounds the memory that a store which is down can cost; of more, the
/// oldest come back when their leases end.
const MAX_RETRY_QUEUE: usize = 1000;
/// Rest before confirms are tried again, doubled by each try in vain.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

enum Command {
    Settle(PendingSettlement),
    /// Tells that all that stands before it was tried.
    Flush(oneshot::Sender<()>),
}

/// The sending half, started when the first claim ends.
pub(crate) struct BackgroundQueue {
    applier: Arc<Applier>,
    queue: OnceLock<Result<mpsc::Sender<Command>, Error>>,
}

impl BackgroundQueue {
    pub(crate) fn new(applier: Applier) -> Self {
        Self {
            applier: Arc::new(applier),
            queue: OnceLock::new(),
        }
    }

    /// Takes a job: never waits, never fails. Callable from `Drop` on any thread.
    pub(crate) fn push(&self, pending: PendingSettlement) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let refused = match self.queue() {
            Ok(queue) => match queue.try_send(Command::Settle(pending)) {
                Ok(()) => return,
                Err(refused) => refused.into_inner(),
            },
            Err(_) => Command::Settle(pending),
        };
        if let Command::Settle(pending) = refused {
            pending.abandon();
        }
        if LOG_LIMIT.allow() {
            tracing::warn!(
                "settlement queue full; claim dropped, its messages reappear when the lease expires"
            );
        }
    }

    /// Waits until everything taken so far has been tried, and what failed once more.
    pub(crate) async fn flush(&self) {
        let (done, reached) = oneshot::channel();
        if let Some(Ok(queue)) = self.queue.get()
            && queue.send(Command::Flush(done)).await.is_ok()
        {
            // An error means that the queue is gone, and with it all that was in it.
            let _ = reached.await;
        }
    }

    fn queue(&self) -> &Result<mpsc::Sender<Command>, Error> {
        self.queue.get_or_init(|| {
            let (send, receive) = mpsc::channel(QUEUE_CAPACITY);
            runtime::spawn(run(Arc::clone(&self.applier), receive)).map(|_| send)
        })
    }
}

async fn run(applier: Arc<Applier>, mut queue: mpsc::Receiver<Command>) {
    let mut commands = Vec::with_capacity(MAX_IN_FLIGHT);
    let (mut retry_queue, mut backoff, mut retry_at) =
        (VecDeque::new(), INITIAL_BACKOFF, Instant::now());
    loop {
        let receiving = queue.recv_many(&mut commands, MAX_IN_FLIGHT);
        let received = match retry_queue.is_empty() {
            true => Some(receiving.await),
            false => timeout_at(retry_at, receiving).await.ok(),
        };
        if received == Some(0) {
            return;
        }
        let all_was_well = retry_queue.is_empty();
        process(&applier, commands.drain(..), &mut retry_queue).await;
        if all_was_well {
            (backoff, retry_at) = (INITIAL_BACKOFF, Instant::now() + INITIAL_BACKOFF);
        } else if Instant::now() >= retry_at {
            backoff = match retry_all(&applier, &mut retry_queue).await {
                true => INITIAL_BACKOFF,
                false => (backoff * 2).min(MAX_BACKOFF),
            };
            retry_at = Instant::now() + backoff;
        }
    }
}

async fn process(
    applier: &Applier,
    commands: impl Iterator<Item = Command>,
    retry_queue: &mut VecDeque<PendingSettlement>,
) {
    let (mut batch, mut flushes) = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Settle(pending) => batch.push(apply(applier, pending)),
            Command::Flush(done) => flushes.push(done),
        }
    }
    for failed in join_all(batch).await.into_iter().flatten() {
        push_retry(retry_queue, failed);
    }
    if !flushes.is_empty() {
        retry_all(applier, retry_queue).await;
    }
    for done in flushes {
        // Nobody may be waiting: fine.
        let _ = done.send(());
    }
}

/// Tries a job; gives back one that is to be tried again.
async fn apply(applier: &Applier, pending: PendingSettlement) -> Option<PendingSettlement> {
    match applier.apply(&pending).await {
        Applied::Done => None,
        Applied::Retry => Some(pending),
    }
}

/// Keeps a confirm for later; of too many, the oldest goes.
fn push_retry(retry_queue: &mut VecDeque<PendingSettlement>, failed: PendingSettlement) {
    if retry_queue.len() == MAX_RETRY_QUEUE
        && let Some(oldest) = retry_queue.pop_front()
    {
        oldest.abandon();
    }
    retry_queue.push_back(failed);
}

/// Tries the late ones, the first alone: while it fails the others would too. Tells whether all are done.
async fn retry_all(applier: &Applier, retry_queue: &mut VecDeque<PendingSettlement>) -> bool {
    while let Some(oldest) = retry_queue.pop_front() {
        if let Some(failed) = apply(applier, oldest).await {
            // To the end: of a Cluster only the server of this one may be gone.
            retry_queue.push_back(failed);
            return false;
        }
        let next = retry_queue.len().min(MAX_IN_FLIGHT);
        let next = retry_queue
            .drain(..next)
            .map(|pending| apply(applier, pending));
        let failed = join_all(next).await;
        retry_queue.extend(failed.into_iter().flatten());
    }
    true
}
