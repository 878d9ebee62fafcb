//! Clients that share one handle while servers fail, and measurements of their errors, waits and
//! recovery.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use salver::{Context, Error, Message, MessageId, Salver};
use tokio::task::JoinHandle;

use crate::support::history::{History, Verdict};
use fastrand::Rng;

const CLIENTS: usize = 8;

/// Eight clients. Each adds to a random context, and claims and confirms the messages of another
/// one.
pub struct FailoverClients {
    pub history: History,
    salver: Salver,
    contexts: Vec<Context>,
    observations: Mutex<Observations>,
    stopped: AtomicBool,
}

#[derive(Default)]
struct Observations {
    rounds: usize,
    /// When each message was acknowledged.
    acknowledged: HashMap<MessageId, Instant>,
    read: HashSet<MessageId>,
    errors: Vec<Error>,
    /// Number of errors on contexts that the failure did not affect.
    errors_on_unaffected: usize,
    worst_wait: Duration,
    failure: Option<Failure>,
}

/// A failure, and the recovery of the clients.
struct Failure {
    at: Instant,
    affected: HashSet<Context>,
    /// When each client completed its first round on an affected context that started after the
    /// failure.
    recovered_at: [Option<Instant>; CLIENTS],
}

impl FailoverClients {
    pub fn new(salver: Salver, contexts: Vec<Context>) -> Arc<Self> {
        Arc::new(Self {
            history: History::default(),
            salver,
            contexts,
            observations: Mutex::default(),
            stopped: AtomicBool::new(false),
        })
    }

    pub fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        (0..CLIENTS)
            .map(|n| tokio::spawn(self.clone().work(n)))
            .collect()
    }

    pub async fn end(&self, clients: Vec<JoinHandle<()>>) {
        self.stopped.store(true, Ordering::SeqCst);
        for client in clients {
            client.await.unwrap();
        }
        self.salver.flush().await;
    }

    /// Waits until the clients have completed this number of further rounds.
    pub async fn wait_for_rounds(&self, rounds: usize) {
        let goal = self.observations().rounds + rounds;
        while self.observations().rounds < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Records a failure that affects these contexts.
    pub fn record_failure(&self, affected: impl IntoIterator<Item = Context>) {
        self.observations().failure = Some(Failure {
            at: Instant::now(),
            affected: affected.into_iter().collect(),
            recovered_at: [None; CLIENTS],
        });
    }

    /// Waits until every client has completed a round on an affected context. Returns the time
    /// since the failure.
    pub async fn wait_for_recovery(&self) -> Duration {
        let started = Instant::now();
        loop {
            if let Some(failure) = &self.observations().failure
                && let Some(recovered_at) = failure
                    .recovered_at
                    .iter()
                    .copied()
                    .collect::<Option<Vec<_>>>()
            {
                return recovered_at.into_iter().max().unwrap() - failure.at;
            }
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "no recovery within 20 seconds: {:?}",
                self.observations().errors.last()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns the errors that the callers received.
    pub fn errors(&self) -> Vec<Error> {
        self.observations().errors.clone()
    }

    pub fn worst_wait(&self) -> Duration {
        self.observations().worst_wait
    }

    /// Classifies all messages. With `count_losses` a missing message counts as lost. Otherwise it
    /// is only reported in `more`, as lost by the servers in the failover.
    pub fn verdict(
        &self,
        pending: &HashSet<MessageId>,
        count_losses: bool,
        more: &mut String,
    ) -> Verdict {
        let observations = self.observations();
        let failure = observations
            .failure
            .as_ref()
            .map_or_else(Instant::now, |failure| failure.at);
        let is_missing = |id: &MessageId| !observations.read.contains(id) && !pending.contains(id);
        let lost = observations
            .acknowledged
            .iter()
            .filter(|(id, _)| is_missing(id));
        let window = lost
            .map(|(_, at)| failure.saturating_duration_since(*at))
            .max();
        let window = window.unwrap_or_default().as_millis();
        let mut verdict = self.history.verdict(pending);
        if !count_losses {
            let lost = std::mem::take(&mut verdict.lost);
            verdict.n -= lost;
            more.push_str(&format!(" lost_in_failover={lost} loss_window_ms={window}"));
        }
        let is_expected = |error: &Error| error.is_in_doubt() || error.is_unavailable();
        let unexpected = observations.errors.iter().find(|error| !is_expected(error));
        assert!(unexpected.is_none(), "{unexpected:?}");
        let (errors, errors_on_unaffected) =
            (observations.errors.len(), observations.errors_on_unaffected);
        more.push_str(&format!(
            " errors={errors} errors_on_unaffected={errors_on_unaffected}"
        ));
        verdict
    }

    /// Waits until the leases of unconfirmed claims have expired, and reads all contexts.
    pub async fn read_all(&self) {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        for context in &self.contexts {
            self.read(context).await.unwrap();
        }
    }

    async fn work(self: Arc<Self>, client: usize) {
        let mut rng = Rng::with_seed(client as u64);
        while !self.stopped.load(Ordering::SeqCst) {
            // Two random contexts, so that there are always pending messages.
            let [added, read] =
                std::array::from_fn(|_| rng.u64(..self.contexts.len() as u64) as usize);
            let [added, read] = [&self.contexts[added], &self.contexts[read]];
            let started = Instant::now();
            match self.round(added, read).await {
                Ok(()) => self.record_round(client, [added, read], started),
                Err(error) => {
                    self.record_error(error, [added, read]);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    }

    fn record_round(&self, client: usize, contexts: [&Context; 2], started: Instant) {
        let mut observations = self.observations();
        observations.rounds += 1;
        if let Some(failure) = &mut observations.failure
            && started >= failure.at
            && contexts
                .iter()
                .any(|context| failure.affected.contains(context))
        {
            failure.recovered_at[client].get_or_insert_with(Instant::now);
        }
    }

    fn record_error(&self, error: Error, contexts: [&Context; 2]) {
        let mut observations = self.observations();
        let is_unaffected = |failure: &Failure| {
            !contexts
                .iter()
                .any(|context| failure.affected.contains(*context))
        };
        observations.errors_on_unaffected +=
            usize::from(observations.failure.as_ref().is_some_and(is_unaffected));
        observations.errors.push(error);
    }

    async fn round(&self, context: &Context, read: &Context) -> Result<(), Error> {
        for _ in 0..2 {
            let message = self.history.message(context);
            let added = self.timed(self.salver.add(context, message.clone())).await;
            match added {
                Ok(added) => {
                    self.history.record_acknowledged(&message);
                    self.history.record_displaced(added.displaced);
                    let mut observations = self.observations();
                    observations
                        .acknowledged
                        .insert(message.id(), Instant::now());
                }
                Err(error) => {
                    self.history.record_in_doubt(&message);
                    return Err(error);
                }
            }
        }
        self.read(read).await
    }

    async fn read(&self, context: &Context) -> Result<(), Error> {
        let claim = self.timed(self.salver.claim(context)).await?;
        // The messages count as received here, even if the confirm fails.
        self.history
            .record_received_messages(context, claim.messages());
        let read = claim.messages().iter().map(Message::id);
        self.observations().read.extend(read);
        self.timed(self.salver.confirm(&claim)).await
    }

    async fn timed<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let started = Instant::now();
        let outcome = call.await;
        let mut observations = self.observations();
        observations.worst_wait = observations.worst_wait.max(started.elapsed());
        outcome
    }

    fn observations(&self) -> MutexGuard<'_, Observations> {
        self.observations.lock().unwrap()
    }
}
