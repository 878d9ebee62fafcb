//! The ends of claims on Salver's own thread, which outlives every worker.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::log_limit::LogLimit;
use crate::settlement::apply::{Applier, MAX_IN_FLIGHT, PendingSettlement, QUEUE_CAPACITY};
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
    pub(crate) fn new(desk: Applier) -> Self {
        Self {
            applier: Arc::new(desk),
            queue: OnceLock::new(),
        }
    }

    /// Takes a job: never waits, never fails. Callable from `Drop` on any thread.
    pub(crate) fn push(&self, job: PendingSettlement) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let refused = match self.queue() {
            Ok(queue) => match queue.try_send(Command::Settle(job)) {
                Ok(()) => return,
                Err(refused) => refused.into_inner(),
            },
            Err(_) => Command::Settle(job),
        };
        if let Command::Settle(job) = refused {
            job.abandon();
        }
        if LOG_LIMIT.allow() {
            tracing::warn!("the end of a claim found no room: the lease decides");
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

async fn run(desk: Arc<Applier>, mut queue: mpsc::Receiver<Command>) {
    let mut posts = Vec::with_capacity(MAX_IN_FLIGHT);
    let (mut late, mut rest, mut due) = (VecDeque::new(), INITIAL_BACKOFF, Instant::now());
    loop {
        let receiving = queue.recv_many(&mut posts, MAX_IN_FLIGHT);
        let received = match late.is_empty() {
            true => Some(receiving.await),
            false => timeout_at(due, receiving).await.ok(),
        };
        if received == Some(0) {
            return;
        }
        let all_was_well = late.is_empty();
        process(&desk, posts.drain(..), &mut late).await;
        if all_was_well {
            (rest, due) = (INITIAL_BACKOFF, Instant::now() + INITIAL_BACKOFF);
        } else if Instant::now() >= due {
            rest = match retry_all(&desk, &mut late).await {
                true => INITIAL_BACKOFF,
                false => (rest * 2).min(MAX_BACKOFF),
            };
            due = Instant::now() + rest;
        }
    }
}

async fn process(
    desk: &Applier,
    posts: impl Iterator<Item = Command>,
    late: &mut VecDeque<PendingSettlement>,
) {
    let (mut jobs, mut marks) = (Vec::new(), Vec::new());
    for post in posts {
        match post {
            Command::Settle(job) => jobs.push(apply(desk, job)),
            Command::Flush(done) => marks.push(done),
        }
    }
    for failed in join_all(jobs).await.into_iter().flatten() {
        push_retry(late, failed);
    }
    if !marks.is_empty() {
        retry_all(desk, late).await;
    }
    for done in marks {
        // Nobody may be waiting: fine.
        let _ = done.send(());
    }
}

/// Tries a job; gives back one that is to be tried again.
async fn apply(desk: &Applier, job: PendingSettlement) -> Option<PendingSettlement> {
    match desk.apply(&job).await {
        true => None,
        false => Some(job),
    }
}

/// Keeps a confirm for later; of too many, the oldest goes.
fn push_retry(late: &mut VecDeque<PendingSettlement>, failed: PendingSettlement) {
    if late.len() == MAX_RETRY_QUEUE
        && let Some(oldest) = late.pop_front()
    {
        oldest.abandon();
    }
    late.push_back(failed);
}

/// Tries the late ones, the first alone: while it fails the others would too. Tells whether all are done.
async fn retry_all(desk: &Applier, late: &mut VecDeque<PendingSettlement>) -> bool {
    while let Some(first) = late.pop_front() {
        if let Some(failed) = apply(desk, first).await {
            // To the end: of a Cluster only the server of this one may be gone.
            late.push_back(failed);
            return false;
        }
        let next = late.len().min(MAX_IN_FLIGHT);
        let next = late.drain(..next).map(|late| apply(desk, late));
        let failed = join_all(next).await;
        late.extend(failed.into_iter().flatten());
    }
    true
}
