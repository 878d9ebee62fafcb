//! How claims end when nobody can wait for it: a bounded queue on Salver's own thread.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

use crate::breaker::Breaker;
use crate::count::{self, Since};
use crate::seldom::Seldom;
use crate::store::{Claim, Store};
use crate::{Error, home};

/// Most ends that wait to be tried. Bounds the memory that a store which is down can cost; what finds no room
/// comes back when its lease ends.
const QUEUE: usize = 1024;
/// Most confirms that wait to be tried again. Bounds the same; of more, the oldest come back when their leases
/// end.
const LATE: usize = 1000;
/// Most ends that are on their way at once: enough to fill one connection's pipeline.
const AT_ONCE: usize = 64;
/// Longest wait for one end. Stops a store that never answers from holding up the queue.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rest before confirms are tried again, doubled by each try in vain.
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(1);

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

/// The end of a claim, and who waits for it.
struct Job {
    app: Arc<str>,
    end: End,
    done: oneshot::Sender<()>,
}

enum Post {
    Job(Job),
    /// Tells that all that stands before it was tried.
    Mark(oneshot::Sender<()>),
}

/// What the queue works with.
struct Desk {
    store: Arc<dyn Store>,
    breaker: Arc<Breaker>,
}

/// The sending half, started when the first claim ends.
pub(crate) struct Settle {
    desk: Arc<Desk>,
    queue: OnceLock<Result<mpsc::Sender<Post>, Error>>,
}

impl Settle {
    pub(crate) fn new(store: Arc<dyn Store>, breaker: Arc<Breaker>) -> Self {
        Self {
            desk: Arc::new(Desk { store, breaker }),
            queue: OnceLock::new(),
        }
    }

    /// Hands over the end of a claim: never waits, never fails. Callable from `Drop` on any thread.
    ///
    /// What comes back tells when it was tried; it need not be waited for.
    pub(crate) fn hand_over(&self, app: &Arc<str>, end: End) -> oneshot::Receiver<()> {
        static FULL: Seldom = Seldom::new();

        let (done, tried) = oneshot::channel();
        let (End::Confirm(claim) | End::Release(claim)) = &end;
        let unsettled = match &end {
            End::Confirm(claim) => claim.messages().len() as u64,
            End::Release(_) => 0,
        };
        if !claim.is_empty() {
            let job = Job {
                app: Arc::clone(app),
                end,
                done,
            };
            let queue = self.queue().as_ref();
            if !queue.is_ok_and(|queue| queue.try_send(Post::Job(job)).is_ok()) {
                count::given_up(app, unsettled);
                if FULL.now() {
                    tracing::warn!("the end of a claim found no room: the lease decides");
                }
            }
        }
        tried
    }

    /// Waits until everything handed over so far has been tried, and what failed once more.
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
            home::spawn(run(Arc::clone(&self.desk), receive)).map(|_| send)
        })
    }
}

/// A confirm to be tried again.
struct Late {
    app: Arc<str>,
    claim: Claim,
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

async fn handle(desk: &Desk, posts: impl Iterator<Item = Post>, late: &mut VecDeque<Late>) {
    let (mut jobs, mut marks) = (Vec::new(), Vec::new());
    for post in posts {
        match post {
            Post::Job(job) => jobs.push(desk.settle(job)),
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

/// Keeps a confirm for later; of too many, the oldest goes.
fn keep(late: &mut VecDeque<Late>, failed: Late) {
    if late.len() == LATE
        && let Some(oldest) = late.pop_front()
    {
        count::given_up(&oldest.app, oldest.claim.messages().len() as u64);
    }
    late.push_back(failed);
}

/// Tries the late ones, the first alone: while it fails the others would too. Tells whether all are done.
async fn retry(desk: &Desk, late: &mut VecDeque<Late>) -> bool {
    while let Some(first) = late.pop_front() {
        if let Some(failed) = desk.confirm(first).await {
            // To the end: of a Cluster only the server of this one may be gone.
            late.push_back(failed);
            return false;
        }
        let next = late.len().min(AT_ONCE);
        let next = late.drain(..next).map(|late| desk.confirm(late));
        let failed = join_all(next).await;
        late.extend(failed.into_iter().flatten());
    }
    true
}

impl Desk {
    /// Ends a claim; gives back a confirm that is to be tried again.
    async fn settle(&self, Job { app, end, done }: Job) -> Option<Late> {
        let failed = match end {
            End::Confirm(claim) => self.confirm(Late { app, claim }).await,
            End::Release(claim) => {
                // Sent once: a lease that was released and claimed anew could not be told from this one.
                let released = self
                    .attempt("release", &app, self.store.release(&claim))
                    .await;
                match released {
                    Ok(()) => count::released(&app, claim.messages().len() as u64),
                    Err(error) => tell(&error),
                }
                None
            }
        };
        let _ = done.send(());
        failed
    }

    async fn confirm(&self, late: Late) -> Option<Late> {
        let confirm = self.store.confirm(&late.claim);
        match self.attempt("confirm", &late.app, confirm).await {
            Ok(()) => count::confirmed(&late.app, late.claim.messages().len() as u64),
            Err(error) if error.retry_after().is_some() => return Some(late),
            Err(error) => {
                count::given_up(&late.app, late.claim.messages().len() as u64);
                tell(&error);
            }
        }
        None
    }

    async fn attempt(
        &self,
        doing: &'static str,
        app: &Arc<str>,
        end: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        let pass = self.breaker.enter()?;
        let (since, span) = (Since::now(), count::span(doing, app));
        // A store that panics must not take the ends of all other claims with it.
        let end = timeout(PATIENCE, AssertUnwindSafe(end).catch_unwind()).instrument(span);
        let ended = match end.await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(Error::unreadable(
                "the end of a claim, at which the store panicked,",
            )),
            Err(_) => Err(Error::in_doubt("the store did not answer in time")),
        };
        count::call(doing, since, &ended);
        pass.note(&ended);
        ended
    }
}

fn tell(error: &Error) {
    static TOLD: Seldom = Seldom::new();

    if TOLD.now() {
        tracing::warn!(%error, "a claim was not ended: the lease decides");
    }
}
