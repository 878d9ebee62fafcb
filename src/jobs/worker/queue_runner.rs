//! Claims the jobs of one queue and attempts them.

mod claiming;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt, pending, select_all};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::jobs::handler::{Handler, Outcome};
use crate::jobs::heartbeat::Resting;
use crate::jobs::store_trait::{JobStore, MAX_JOBS_PER_CALL};
use crate::jobs::worker::attempt::Ended;
use crate::jobs::worker::claims::{Claims, EndedClaim};
use crate::jobs::worker::queue::Queue;
use crate::jobs::worker::queue_states::QueueStates;
use crate::jobs::worker::recorder::Recorder;
use crate::jobs::worker::settings::Settings;
use crate::{Error, Salver};

/// Interval at which old jobs are forgotten.
const TRIM_INTERVAL: Duration = Duration::from_secs(60);
/// How long a queue rests when no job of it can succeed, and the maximum when that goes on.
const MIN_REST: Duration = Duration::from_secs(5);
const MAX_REST: Duration = Duration::from_secs(5 * 60);
/// Maximum delay of a claim after claims that failed.
const MAX_CLAIM_DELAY: Duration = Duration::from_secs(30);

/// Performs the jobs of one queue.
pub(super) struct QueueRunner {
    queue: Arc<Queue>,
    attempts: JoinSet<Ended>,
    claims: Claims,
    recorder: Recorder,
    /// Shared with the attempt of a suspect, while there is one: a job that may have ended other processes.
    suspect: Arc<()>,
    states: QueueStates,
    /// The partition with which the next claim begins, so that none waits for the others.
    first_partition: usize,
    claim_backoff: Backoff,
    rests: Backoff,
    /// Whether no job can succeed until the next claim.
    is_resting: bool,
    /// When the next claim is due.
    claim_at: Instant,
    trim_at: Instant,
}

impl QueueRunner {
    pub(super) fn new(
        salver: Salver,
        store: Arc<dyn JobStore>,
        handler: Arc<dyn Handler>,
        settings: Settings,
        resting: Arc<Resting>,
    ) -> Self {
        let now = Instant::now();
        let claim_backoff = Backoff::new(settings.poll_interval, MAX_CLAIM_DELAY);
        let queue = Arc::new(Queue {
            salver,
            store,
            handler,
            settings,
            resting,
        });
        Self {
            claim_backoff,
            rests: Backoff::new(MIN_REST, MAX_REST),
            claims: Claims::new(Arc::clone(&queue)),
            recorder: Recorder::new(Arc::clone(&queue)),
            queue,
            attempts: JoinSet::new(),
            suspect: Arc::default(),
            states: QueueStates::default(),
            first_partition: 0,
            is_resting: false,
            claim_at: now,
            trim_at: now + TRIM_INTERVAL,
        }
    }

    /// Prepares the store.
    pub(super) fn begin(&self) -> impl Future<Output = ()> + Send + use<> {
        let handler = Arc::clone(&self.queue.handler);
        async move {
            if let Err(error) = handler.begin().await {
                let queue = handler.queue();
                tracing::warn!(%error, queue, "the worker could not prepare the store");
            }
        }
    }

    /// Performs jobs until the worker stops, then waits for the attempts that have begun.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        // Without reports the worker asks at its interval.
        let watch = self.queue.store.watch(self.queue.key(0));
        let watch = watch.unwrap_or_default();
        while !*stopping.borrow() {
            if Instant::now() >= self.claim_at && self.has_room() {
                self.claim_or_wait().await;
            }
            self.trim_if_due().await;
            self.wait(&watch.changed, &mut stopping).await;
        }
        self.stop().await;
    }

    /// Waits for the attempts that have begun. Records each that ends meanwhile: the process may be killed before the
    /// slowest one ends. Gives back what a claim in progress leases.
    async fn stop(&mut self) {
        while !(self.attempts.is_empty() && self.claims.is_empty()) {
            self.recorder.begin();
            match self.next_end().await {
                Event::Ended(ended) => self.record_end(ended),
                Event::Claimed(claim) => drop(self.begin_attempts(claim, 0)),
                _ => {}
            }
        }
        self.recorder.record_all().await;
    }

    /// Performs all jobs that are due. Returns how many attempts were made. Makes none once no job can
    /// succeed.
    pub(super) async fn drain(&mut self) -> Result<u64, Error> {
        let mut attempts = 0;
        while !self.is_resting {
            let (_, failed) = self.claim(Duration::MAX).await;
            let ended = self.end_attempts().await;
            attempts += ended;
            match failed {
                Some(error) => return Err(error),
                None if ended == 0 => break,
                None => {}
            }
        }
        Ok(attempts)
    }

    /// Waits for all attempts and records their outcomes. Returns how many there were.
    async fn end_attempts(&mut self) -> u64 {
        let mut attempts = 0;
        while let Some(ended) = self.attempts.join_next().await {
            self.record_end(ended.ok());
            attempts += 1;
        }
        self.recorder.record_all().await;
        attempts
    }

    /// Returns whether so many attempts have ended that a claim is worth its round trip.
    fn has_room(&self) -> bool {
        self.leased() <= self.queue.concurrency() / 2
    }

    /// Returns the number of jobs that this worker holds.
    fn leased(&self) -> usize {
        self.attempts.len() + self.recorder.len()
    }

    /// Returns for how many more jobs there is room.
    fn free(&self) -> usize {
        self.queue.concurrency().saturating_sub(self.leased())
    }

    async fn trim_if_due(&mut self) {
        if Instant::now() < self.trim_at {
            return;
        }
        self.trim_at = Instant::now() + TRIM_INTERVAL;
        let Queue { salver, store, .. } = &*self.queue;
        for partition in 0..store.partitions() {
            let trim = || store.trim(self.queue.key(partition));
            // A call that fails is made up for by the next one.
            while let Ok(forgotten) = salver.write_idempotent("trim_jobs", trim).await
                && forgotten >= MAX_JOBS_PER_CALL as u64
            {}
        }
    }

    /// Waits until an attempt ends, jobs are recorded, a claim is due, jobs are added or the worker stops.
    async fn wait(&mut self, woken: &Notify, stopping: &mut watch::Receiver<bool>) {
        match self.next_event(woken, stopping).await {
            Event::Ended(ended) => {
                self.record_end(ended);
                while let Some(ended) = self.attempts.try_join_next() {
                    self.record_end(ended.ok());
                }
                self.recorder.begin();
            }
            Event::Recorded => self.recorder.begin(),
            Event::Claimed(claim) => match self.begin_attempts(claim, self.free()) {
                Ok(_) => self.claim_soon(),
                Err(error) => self.log_failed_claim(&error),
            },
            Event::JobsAdded => self.claim_soon(),
            Event::Due => {}
        }
    }

    async fn next_event(&mut self, woken: &Notify, stopping: &mut watch::Receiver<bool>) -> Event {
        let claim_at = match self.has_room() {
            true => self.claim_at,
            false => self.trim_at,
        };
        let ended = pin!(self.next_end());
        let woken = pin!(woken.notified().map(|()| Event::JobsAdded));
        // The sender is dropped with the handle, which stops the worker too.
        let stopped = stopping.wait_for(|is_stopping| *is_stopping);
        let stopped = pin!(stopped.map(|_| Event::Due));
        let due = pin!(sleep_until(claim_at).map(|()| Event::Due));
        first([ended, woken, stopped, due]).await
    }

    /// Waits until an attempt, a call that records jobs or a claim ends; for ever if none is in progress.
    async fn next_end(&mut self) -> Event {
        let ended = pin!(async {
            match self.attempts.join_next().await {
                Some(ended) => Event::Ended(ended.ok()),
                None => pending().await,
            }
        });
        let recorded = pin!(self.recorder.call_ended().map(|()| Event::Recorded));
        let claimed = pin!(self.claims.ended().map(Event::Claimed));
        first([ended, recorded, claimed]).await
    }

    /// Claims jobs at once, unless the queue rests.
    fn claim_soon(&mut self) {
        if !self.is_resting {
            self.claim_at = Instant::now();
        }
    }

    /// Rests while no job can succeed. `None`: an attempt that ended by a panic of this library.
    fn record_end(&mut self, ended: Option<Ended>) {
        match ended {
            Some(Ended::Retried(Outcome::Unavailable(reason))) => self.rest(&reason),
            Some(Ended::Retried(_)) => self.go_on(),
            Some(Ended::Done(job)) => {
                self.recorder.add(job);
                self.go_on();
            }
            Some(Ended::LeftToOthers) | None => {}
        }
    }

    fn rest(&mut self, reason: &str) {
        // Those that were claimed together fail together.
        if self.is_resting {
            return;
        }
        let (queue, rest) = (self.queue.handler.queue(), self.rests.next_delay());
        tracing::warn!(queue, %reason, "the queue rests for {} s", rest.as_secs());
        self.is_resting = true;
        self.queue.resting.begin(queue, reason);
        self.claim_at = Instant::now() + rest;
    }

    fn go_on(&mut self) {
        // Another job of the same claim has ended before: it says nothing of the next ones.
        if self.is_resting {
            return;
        }
        self.rests.reset();
        self.queue.resting.end(self.queue.handler.queue());
        // There may be more jobs than there was room for.
        self.claim_soon();
    }
}

/// Waits for the first of some events.
async fn first<const N: usize>(
    events: [Pin<&mut (dyn Future<Output = Event> + Send)>; N],
) -> Event {
    select_all(events).await.0
}

/// Why a worker wakes.
enum Event {
    /// An attempt has ended; `None` for one that panicked.
    Ended(Option<Ended>),
    /// Jobs that are done were recorded.
    Recorded,
    /// A claim has ended for which the worker did not wait any more.
    Claimed(EndedClaim),
    JobsAdded,
    /// A claim is due, or the worker stops.
    Due,
}
