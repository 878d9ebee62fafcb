//! Clients that share one handle, and what they notice when servers fail under them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use salver::{Context, Error, Message, MessageId, Salver};
use tokio::task::JoinHandle;

use crate::support::history::{History, Verdict};
use fastrand::Rng;

const CLIENTS: usize = 8;

/// Eight clients that add to one context, and claim and confirm what is on another.
pub struct Traffic {
    pub history: History,
    salver: Salver,
    contexts: Vec<Context>,
    noted: Mutex<Noted>,
    over: AtomicBool,
}

#[derive(Default)]
struct Noted {
    rounds: usize,
    /// When each message was acknowledged.
    acknowledged: HashMap<MessageId, Instant>,
    read: HashSet<MessageId>,
    errors: Vec<Error>,
    /// How many of them hit contexts that the failure did not.
    elsewhere: usize,
    worst_wait: Duration,
    failure: Option<Failure>,
}

/// What is waited for after a failure.
struct Failure {
    at: Instant,
    /// The contexts that it hit.
    hit: HashSet<Context>,
    /// When each client ended its first round on one of them that began after it.
    back: [Option<Instant>; CLIENTS],
}

impl Traffic {
    pub fn new(salver: Salver, contexts: Vec<Context>) -> Arc<Self> {
        Arc::new(Self {
            history: History::default(),
            salver,
            contexts,
            noted: Mutex::default(),
            over: AtomicBool::new(false),
        })
    }

    pub fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        (0..CLIENTS)
            .map(|n| tokio::spawn(self.clone().work(n)))
            .collect()
    }

    pub async fn end(&self, clients: Vec<JoinHandle<()>>) {
        self.over.store(true, Ordering::SeqCst);
        for client in clients {
            client.await.unwrap();
        }
        self.salver.flush().await;
    }

    /// Waits for so many more rounds.
    pub async fn goes_on(&self, rounds: usize) {
        let goal = self.noted().rounds + rounds;
        while self.noted().rounds < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Notes a failure that hits these contexts.
    pub fn fails(&self, hit: impl IntoIterator<Item = Context>) {
        self.noted().failure = Some(Failure {
            at: Instant::now(),
            hit: hit.into_iter().collect(),
            back: [None; CLIENTS],
        });
    }

    /// Waits until every client works again on what the failure hit; tells how long that took.
    pub async fn recovers(&self) -> Duration {
        let started = Instant::now();
        loop {
            if let Some(failure) = &self.noted().failure
                && let Some(back) = failure.back.iter().copied().collect::<Option<Vec<_>>>()
            {
                return back.into_iter().max().unwrap() - failure.at;
            }
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "no recovery: {:?}",
                self.noted().errors.last()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Gives the errors that callers were told.
    pub fn errors(&self) -> Vec<Error> {
        self.noted().errors.clone()
    }

    pub fn worst_wait(&self) -> Duration {
        self.noted().worst_wait
    }

    /// Judges what became of every message. With `judged` a loss is a loss; without, it is told in `more` as
    /// what the servers themselves forgot when they failed.
    pub fn verdict(
        &self,
        pending: &HashSet<MessageId>,
        judged: bool,
        more: &mut String,
    ) -> Verdict {
        let noted = self.noted();
        let failure = noted
            .failure
            .as_ref()
            .map_or_else(Instant::now, |failure| failure.at);
        let gone = |id: &MessageId| !noted.read.contains(id) && !pending.contains(id);
        let lost = noted.acknowledged.iter().filter(|(id, _)| gone(id));
        let window = lost
            .map(|(_, at)| failure.saturating_duration_since(*at))
            .max();
        let window = window.unwrap_or_default().as_millis();
        let mut verdict = self.history.verdict(pending);
        if !judged {
            let lost = std::mem::take(&mut verdict.lost);
            verdict.n -= lost;
            more.push_str(&format!(" lost_in_failover={lost} loss_window_ms={window}"));
        }
        let told = |error: &Error| error.is_in_doubt() || error.is_unavailable();
        let other = noted.errors.iter().find(|error| !told(error));
        assert!(other.is_none(), "{other:?}");
        let (errors, elsewhere) = (noted.errors.len(), noted.elsewhere);
        more.push_str(&format!(" errors={errors} elsewhere={elsewhere}"));
        verdict
    }

    /// Waits until what was claimed and not confirmed is visible again, and reads everything.
    pub async fn read_all(&self) {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        for context in &self.contexts {
            self.read(context).await.unwrap();
        }
    }

    async fn work(self: Arc<Self>, client: usize) {
        let mut rng = Rng::with_seed(client as u64);
        while !self.over.load(Ordering::SeqCst) {
            // Read somewhere else, so that there is always something pending.
            let [added, read] =
                std::array::from_fn(|_| rng.u64(..self.contexts.len() as u64) as usize);
            let [added, read] = [&self.contexts[added], &self.contexts[read]];
            let began = Instant::now();
            match self.round(added, read).await {
                Ok(()) => self.note_round(client, [added, read], began),
                Err(error) => {
                    self.note_error(error, [added, read]);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    }

    fn note_round(&self, client: usize, contexts: [&Context; 2], began: Instant) {
        let mut noted = self.noted();
        noted.rounds += 1;
        if let Some(failure) = &mut noted.failure
            && began >= failure.at
            && contexts.iter().any(|context| failure.hit.contains(context))
        {
            failure.back[client].get_or_insert_with(Instant::now);
        }
    }

    fn note_error(&self, error: Error, contexts: [&Context; 2]) {
        let mut noted = self.noted();
        let spared = |failure: &Failure| !contexts.iter().any(|one| failure.hit.contains(*one));
        noted.elsewhere += usize::from(noted.failure.as_ref().is_some_and(spared));
        noted.errors.push(error);
    }

    async fn round(&self, context: &Context, read: &Context) -> Result<(), Error> {
        for _ in 0..2 {
            let message = self.history.message(context);
            let added = self.timed(self.salver.add(context, message.clone())).await;
            match added {
                Ok(added) => {
                    self.history.acknowledged(&message);
                    self.history.displaced(added.displaced);
                    let mut noted = self.noted();
                    noted.acknowledged.insert(message.id(), Instant::now());
                }
                Err(error) => {
                    self.history.in_doubt(&message);
                    return Err(error);
                }
            }
        }
        self.read(read).await
    }

    async fn read(&self, context: &Context) -> Result<(), Error> {
        let claim = self.timed(self.salver.claim(context)).await?;
        // Shown is what was read here, whatever becomes of the confirm.
        self.history.given(context, claim.messages());
        let read = claim.messages().iter().map(Message::id);
        self.noted().read.extend(read);
        self.timed(self.salver.confirm(&claim)).await
    }

    async fn timed<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let began = Instant::now();
        let outcome = call.await;
        let mut noted = self.noted();
        noted.worst_wait = noted.worst_wait.max(began.elapsed());
        outcome
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap()
    }
}
