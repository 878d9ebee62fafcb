//! Clients that notify, list, mark and retract concurrently while a store fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use salver::{Error, InboxFilter, Notification, ReadState, Salver};
use tokio::task::JoinHandle;

use crate::support::inbox_history::{InboxHistory, people, person};

pub const CLIENTS: usize = 8;
/// How long a client repeats a call that fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most notifications of one inbox.
const MAX_NOTIFICATIONS: u64 = 1_000;

/// Clients that share one handle. Each repeats a call until it succeeds.
pub struct InboxLoad {
    pub history: InboxHistory,
    salver: Salver,
    people: usize,
    /// Whether notifications are retracted too.
    retracts: bool,
    /// Number of acknowledged calls.
    done: AtomicUsize,
    stopped: AtomicBool,
    errors: Mutex<Vec<Error>>,
    worst_wait: Mutex<Duration>,
}

impl InboxLoad {
    pub fn new(salver: Salver, people: usize, retracts: bool) -> Arc<Self> {
        Arc::new(Self {
            history: InboxHistory::default(),
            salver,
            people,
            retracts,
            done: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            errors: Mutex::default(),
            worst_wait: Mutex::default(),
        })
    }

    pub fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let client = |seed| tokio::spawn(self.clone().work(seed));
        (0..CLIENTS as u64).map(client).collect()
    }

    pub async fn end(&self, clients: Vec<JoinHandle<()>>) {
        self.stopped.store(true, Ordering::SeqCst);
        for client in clients {
            client.await.unwrap();
        }
    }

    pub fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// Waits until this number of calls has succeeded since the load began.
    pub async fn wait_for(&self, calls: usize) {
        let (mut last, mut last_progress) = (0, Instant::now());
        while self.done() < calls {
            if self.done() > last {
                (last, last_progress) = (self.done(), Instant::now());
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "no call succeeded in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns the errors that the clients received, all of which say that a repeat is possible.
    pub fn errors(&self) -> usize {
        let errors = self.errors.lock().unwrap();
        let is_expected = |error: &&Error| error.is_in_doubt() || error.is_unavailable();
        let unexpected = errors.iter().find(|error| !is_expected(error));
        assert!(unexpected.is_none(), "{unexpected:?}");
        errors.len()
    }

    pub fn worst_wait(&self) -> Duration {
        *self.worst_wait.lock().unwrap()
    }

    async fn work(self: Arc<Self>, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let all = InboxFilter::all();
        while !self.stopped.load(Ordering::SeqCst) {
            let number = rng.usize(..self.people);
            match rng.u8(..20) {
                0..10 => {
                    let mut recipients: Vec<_> = (0..self.people).collect();
                    rng.shuffle(&mut recipients);
                    recipients.truncate(rng.usize(1..5));
                    self.notify(&recipients).await;
                }
                10..13 => self.list(number).await,
                13..15 => self.count(number).await,
                15..17 => {
                    let states = [ReadState::Read, ReadState::Unread, ReadState::Archived];
                    let state = states[rng.usize(..3)];
                    let filter = match rng.bool() {
                        true => InboxFilter::unread(),
                        false => InboxFilter::all().text(rng.u8(..10).to_string()),
                    };
                    let inbox = self.salver.inbox(&person(number));
                    self.repeat(|| inbox.mark(&filter, state)).await;
                }
                17 if self.retracts => self.retract(number, &mut rng).await,
                _ => {
                    let inbox = self.salver.inbox(&person(number));
                    self.repeat(|| inbox.list(&all, None)).await;
                    self.repeat(|| inbox.mark_seen()).await;
                }
            }
        }
    }

    /// Notifies until it succeeds.
    pub async fn notify(&self, recipients: &[usize]) {
        let note = self.history.note(recipients);
        self.history.record_in_doubt(recipients, &note);
        self.repeat(|| self.salver.notify(people(recipients), note.clone()))
            .await;
        self.history.record_acknowledged(recipients, &note);
    }

    async fn list(&self, number: usize) {
        let inbox = self.salver.inbox(&person(number));
        let all = InboxFilter::all();
        let page = self.repeat(|| inbox.list(&all, None)).await;
        self.history.record_listed(number, &page);
        assert!(
            page.unseen <= page.unread && page.unread <= MAX_NOTIFICATIONS,
            "{page:?}"
        );
    }

    async fn count(&self, number: usize) {
        let inbox = self.salver.inbox(&person(number));
        let counts = self.repeat(|| inbox.counts()).await;
        let is_possible = counts.unseen <= counts.unread && counts.unread <= counts.total;
        assert!(
            is_possible && counts.total <= MAX_NOTIFICATIONS,
            "{counts:?}"
        );
    }

    /// Removes one notification of a person, and checks that it is counted once.
    async fn retract(&self, number: usize, rng: &mut Rng) {
        let inbox = self.salver.inbox(&person(number));
        let all = InboxFilter::all();
        let page = self.repeat(|| inbox.list(&all, None)).await;
        let listed: Vec<&Notification> = page.rows.iter().map(|row| &row.newest).collect();
        let Some(chosen) = rng.choice(listed) else {
            return;
        };
        let filter = InboxFilter::all().ids([chosen.id()]);
        self.repeat(|| inbox.retract(&filter)).await;
        self.history.record_removed(number, chosen.text());
    }

    fn record_wait(&self, wait: Duration) {
        let mut worst = self.worst_wait.lock().unwrap();
        *worst = worst.max(wait);
    }

    /// Repeats a call until it succeeds, as a job does.
    async fn repeat<T, F: Future<Output = Result<T, Error>>>(&self, call: impl Fn() -> F) -> T {
        let started = Instant::now();
        loop {
            let begun = Instant::now();
            let outcome = call().await;
            self.record_wait(begun.elapsed());
            match outcome {
                Ok(value) => {
                    self.done.fetch_add(1, Ordering::SeqCst);
                    return value;
                }
                Err(error) => {
                    assert!(started.elapsed() < PATIENCE, "{error:?}");
                    self.errors.lock().unwrap().push(error);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    }
}
