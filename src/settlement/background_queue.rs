//! The settlement queue of the background runtime, which outlives every worker.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::Backoff;
use crate::log_limit::LogLimit;
use crate::settlement::apply::{
    Applied, Applier, MAX_IN_FLIGHT, PendingSettlement, QUEUE_CAPACITY,
};
use crate::{Error, runtime};

/// Maximum number of confirms that wait for a retry. Bounds the memory used while the store is
/// down. Beyond it the oldest is abandoned: its messages become visible again when the lease expires.
const MAX_RETRY_QUEUE: usize = 1000;
/// Wait before the first retry of confirms, doubled by each failed retry.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// How long failed confirms are retried after the last handle was dropped. Bounds the work that a
/// process which rebuilds its handles leaves behind.
const CLOSED_RETRY_PERIOD: Duration = Duration::from_secs(60);
/// Longest wait between two retries. Bounds how late confirms are applied after the store recovers.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

enum Command {
    Settle(PendingSettlement),
    /// Replies when all earlier commands have been attempted.
    Flush(oneshot::Sender<()>),
}

/// The sending half of the queue. The first settlement starts its task.
pub(crate) struct BackgroundQueue {
    applier: Arc<Applier>,
    /// The running task. A task that has panicked is replaced.
    queue: Mutex<Option<mpsc::Sender<Command>>>,
}

impl BackgroundQueue {
    pub(crate) fn new(applier: Applier) -> Self {
        Self {
            applier: Arc::new(applier),
            queue: Mutex::default(),
        }
    }

    /// Adds a settlement without waiting. If the queue is full it abandons the settlement and logs
    /// a warning.
    ///
    /// Callable from `Drop` on any thread.
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
                "settlement queue full; a claim was neither confirmed nor released, its messages reappear when the lease expires"
            );
        }
    }

    /// Waits until every settlement added so far has been attempted, and each failed confirm once
    /// more.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let queue = self.lock().clone();
        if let Some(queue) = queue
            && queue.send(Command::Flush(done)).await.is_ok()
        {
            // An error means that the task has ended: there is nothing left to wait for.
            let _ = flushed.await;
        }
    }

    /// Returns the sender, and starts the task if it does not run.
    fn queue(&self) -> Result<mpsc::Sender<Command>, Error> {
        let mut queue = self.lock();
        if let Some(sender) = queue.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let (send, receive) = mpsc::channel(QUEUE_CAPACITY);
        runtime::spawn(run(Arc::clone(&self.applier), receive))?;
        *queue = Some(send.clone());
        Ok(send)
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<Command>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applies the commands in batches, and retries failed confirms with exponential backoff.
async fn run(applier: Arc<Applier>, mut queue: mpsc::Receiver<Command>) {
    let mut commands = Vec::with_capacity(MAX_IN_FLIGHT);
    let (mut retry_queue, mut retry_at) = (VecDeque::new(), Instant::now());
    let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
    loop {
        let receiving = queue.recv_many(&mut commands, MAX_IN_FLIGHT);
        let received = match retry_queue.is_empty() {
            true => Some(receiving.await),
            false => timeout_at(retry_at, receiving).await.ok(),
        };
        if received == Some(0) {
            return retry_remaining(&applier, retry_queue).await;
        }
        let no_earlier_failures = retry_queue.is_empty();
        process(&applier, commands.drain(..), &mut retry_queue).await;
        if no_earlier_failures {
            backoff.reset();
        } else if Instant::now() < retry_at {
            continue;
        } else if retry_all(&applier, &mut retry_queue).await {
            backoff.reset();
        }
        retry_at = Instant::now() + backoff.next_jittered();
    }
}

/// Retries the confirms that failed before the last handle was dropped.
async fn retry_remaining(applier: &Applier, mut retry_queue: VecDeque<PendingSettlement>) {
    let until = Instant::now() + CLOSED_RETRY_PERIOD;
    let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
    while !retry_all(applier, &mut retry_queue).await && Instant::now() < until {
        sleep(backoff.next_jittered()).await;
    }
    retry_queue.iter().for_each(PendingSettlement::abandon);
}

/// Applies a batch concurrently. Then retries failed confirms if a flush is requested.
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
        // The caller of `flush` may have stopped waiting.
        let _ = done.send(());
    }
}

/// Applies a settlement; returns it if it must be retried.
async fn apply(applier: &Applier, pending: PendingSettlement) -> Option<PendingSettlement> {
    match applier.apply(&pending).await {
        Applied::Done => None,
        Applied::Retry => Some(pending),
    }
}

/// Adds a confirm to the retry queue, and abandons the oldest if the queue is full.
fn push_retry(retry_queue: &mut VecDeque<PendingSettlement>, failed: PendingSettlement) {
    if retry_queue.len() == MAX_RETRY_QUEUE
        && let Some(oldest) = retry_queue.pop_front()
    {
        oldest.abandon();
    }
    retry_queue.push_back(failed);
}

/// Retries the failed confirms; returns whether none is left.
///
/// The first is retried alone: if it fails, the others would probably fail too.
async fn retry_all(applier: &Applier, retry_queue: &mut VecDeque<PendingSettlement>) -> bool {
    while let Some(oldest) = retry_queue.pop_front() {
        if let Some(failed) = apply(applier, oldest).await {
            // To the back: in a Redis Cluster only the node of this confirm may be down.
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
