//! The ends of claims on Salver's own thread, which outlives every worker.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::log_limit::Seldom;
use crate::settlement::apply::{AT_ONCE, Desk, Job, QUEUE};
use crate::{Error, runtime};

/// Most confirms that wait to be tried again. Bounds the memory that a store which is down can cost; of more, the
/// oldest come back when their leases end.
const LATE: usize = 1000;
/// Rest before confirms are tried again, doubled by each try in vain.
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(1);

enum Post {
    Job(Job),
    /// Tells that all that stands before it was tried.
    Mark(oneshot::Sender<()>),
}

/// The sending half, started when the first claim ends.
pub(crate) struct Home {
    desk: Arc<Desk>,
    queue: OnceLock<Result<mpsc::Sender<Post>, Error>>,
}

impl Home {
    pub(crate) fn new(desk: Desk) -> Self {
        Self {
            desk: Arc::new(desk),
            queue: OnceLock::new(),
        }
    }

    /// Takes a job: never waits, never fails. Callable from `Drop` on any thread.
    pub(crate) fn take(&self, job: Job) {
        static FULL: Seldom = Seldom::new();

        let refused = match self.queue() {
            Ok(queue) => match queue.try_send(Post::Job(job)) {
                Ok(()) => return,
                Err(refused) => refused.into_inner(),
            },
            Err(_) => Post::Job(job),
        };
        if let Post::Job(job) = refused {
            job.give_up();
        }
        if FULL.now() {
            tracing::warn!("the end of a claim found no room: the lease decides");
        }
    }

    /// Waits until everything taken so far has been tried, and what failed once more.
    pub(crate) async fn drain(&self) {
        let (done, reached) = oneshot::channel();
        if let Some(Ok(queue)) = self.queue.get()
            && queue.send(Post::Mark(done)).await.is_ok()
        {
            // An error means that the queue is gone, and with it all that was in it.
            let _ = reached.await;
        }
    }

    fn queue(&self) -> &Result<mpsc::Sender<Post>, Error> {
        self.queue.get_or_init(|| {
            let (send, receive) = mpsc::channel(QUEUE);
            runtime::spawn(run(Arc::clone(&self.desk), receive)).map(|_| send)
        })
    }
}

async fn run(desk: Arc<Desk>, mut queue: mpsc::Receiver<Post>) {
    let mut posts = Vec::with_capacity(AT_ONCE);
    let (mut late, mut rest, mut due) = (VecDeque::new(), REST, Instant::now());
    loop {
        let receiving = queue.recv_many(&mut posts, AT_ONCE);
        let received = match late.is_empty() {
            true => Some(receiving.await),
            false => timeout_at(due, receiving).await.ok(),
        };
        if received == Some(0) {
            return;
        }
        let all_was_well = late.is_empty();
        handle(&desk, posts.drain(..), &mut late).await;
        if all_was_well {
            (rest, due) = (REST, Instant::now() + REST);
        } else if Instant::now() >= due {
            rest = match retry(&desk, &mut late).await {
                true => REST,
                false => (rest * 2).min(LONGEST_REST),
            };
            due = Instant::now() + rest;
        }
    }
}

async fn handle(desk: &Desk, posts: impl Iterator<Item = Post>, late: &mut VecDeque<Job>) {
    let (mut jobs, mut marks) = (Vec::new(), Vec::new());
    for post in posts {
        match post {
            Post::Job(job) => jobs.push(end(desk, job)),
            Post::Mark(done) => marks.push(done),
        }
    }
    for failed in join_all(jobs).await.into_iter().flatten() {
        keep(late, failed);
    }
    if !marks.is_empty() {
        retry(desk, late).await;
    }
    for done in marks {
        // Nobody may be waiting: fine.
        let _ = done.send(());
    }
}

/// Tries a job; gives back one that is to be tried again.
async fn end(desk: &Desk, job: Job) -> Option<Job> {
    match desk.end(&job).await {
        true => None,
        false => Some(job),
    }
}

/// Keeps a confirm for later; of too many, the oldest goes.
fn keep(late: &mut VecDeque<Job>, failed: Job) {
    if late.len() == LATE
        && let Some(oldest) = late.pop_front()
    {
        oldest.give_up();
    }
    late.push_back(failed);
}

/// Tries the late ones, the first alone: while it fails the others would too. Tells whether all are done.
async fn retry(desk: &Desk, late: &mut VecDeque<Job>) -> bool {
    while let Some(first) = late.pop_front() {
        if let Some(failed) = end(desk, first).await {
            // To the end: of a Cluster only the server of this one may be gone.
            late.push_back(failed);
            return false;
        }
        let next = late.len().min(AT_ONCE);
        let next = late.drain(..next).map(|late| end(desk, late));
        let failed = join_all(next).await;
        late.extend(failed.into_iter().flatten());
    }
    true
}
