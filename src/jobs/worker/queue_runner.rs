//! Claims the jobs of one queue and attempts them.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, FutureExt, pending, select, select_all};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::jobs::handler::{Handler, Outcome};
use crate::jobs::heartbeat::Resting;
use crate::jobs::store_trait::{JobStore, Limit, MAX_CLAIMS, MAX_JOBS_PER_CALL, MAX_SHARED_CLAIMS};
use crate::jobs::worker::attempt::{Attempt, Ended};
use crate::jobs::worker::queue::Queue;
use crate::jobs::worker::queue_states::QueueStates;
use crate::jobs::worker::recorder::Recorder;
use crate::jobs::worker::settings::Settings;
use crate::log_limit::LogLimit;
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
    recorder: Recorder,
    /// Shared with the attempt of a suspect, while there is one: a job that may have ended other processes.
    suspect: Arc<()>,
    states: QueueStates,
    /// The partition with which the next claim begins, so that none waits for the others.
    first_partition: usize,
    claims: Backoff,
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
        let claims = Backoff::new(settings.poll_interval, MAX_CLAIM_DELAY);
        let queue = Arc::new(Queue {
            salver,
            store,
            handler,
            settings,
            resting,
        });
        Self {
            claims,
            rests: Backoff::new(MIN_REST, MAX_REST),
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
    pub(super) async fn begin(&self) {
        if let Err(error) = self.queue.handler.begin().await {
            let queue = self.queue.handler.queue();
            tracing::warn!(%error, queue, "the worker could not prepare the store");
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
    /// slowest one ends.
    async fn stop(&mut self) {
        loop {
            self.recorder.begin();
            let ended = {
                let ended = pin!(self.attempts.join_next());
                let recorded = pin!(self.recorder.call_ended());
                match select(ended, recorded).await {
                    Either::Left((None, _)) => break,
                    Either::Left((Some(ended), _)) => ended,
                    Either::Right(_) => continue,
                }
            };
            self.record_end(ended.ok());
        }
        self.recorder.record_all().await;
    }

    /// Performs all jobs that are due. Returns how many attempts were made. Makes none once no job can
    /// succeed.
    pub(super) async fn drain(&mut self) -> Result<u64, Error> {
        let mut attempts = 0;
        while !self.is_resting {
            let (_, failed) = self.claim().await;
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

    /// Claims jobs, and sets when the next claim is due.
    async fn claim_or_wait(&mut self) {
        static DEGRADED: LogLimit = LogLimit::new();

        self.is_resting = false;
        let (next, failed) = self.claim().await;
        if let Some(error) = failed.filter(|_| DEGRADED.allow()) {
            let queue = self.queue.handler.queue();
            tracing::warn!(%error, queue, "the worker waits for the store");
        }
        let delay = match next {
            Some(next) => {
                self.claims.reset();
                next.min(self.queue.settings.poll_interval)
            }
            None => self.claims.next_delay(),
        };
        self.claim_at = Instant::now() + delay;
    }

    /// Claims as many jobs as there is room for, and begins to attempt them. Returns the time until another job is due,
    /// `None` if no partition could be claimed from, and the first failure. A partition whose server is gone does not stop
    /// the others.
    async fn claim(&mut self) -> (Option<Duration>, Option<Error>) {
        let partitions = self.queue.store.partitions();
        self.first_partition = (self.first_partition + 1) % partitions;
        let (mut next, mut failed) = (None, None);
        for n in 0..partitions {
            let partition = (self.first_partition + n) % partitions;
            match self.claim_in(partition).await {
                Ok(until_next) => next = Some(next.map_or(until_next, |next| until_next.min(next))),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        self.states.record(&self.queue);
        (next, failed)
    }

    async fn claim_in(&mut self, partition: usize) -> Result<Duration, Error> {
        let Queue {
            salver,
            store,
            settings,
            ..
        } = &*self.queue;
        let free = self.queue.concurrency().saturating_sub(self.leased());
        if free == 0 {
            return Ok(Duration::MAX);
        }
        let claimed_at = Instant::now();
        let limit = Limit {
            jobs: free.min(MAX_JOBS_PER_CALL),
            // One at a time: if it ends this process, that counts for no other suspect.
            suspects: usize::from(Arc::strong_count(&self.suspect) == 1),
        };
        let claim = store.claim(self.queue.key(partition), settings.lease, limit);
        let claimed = salver.write_non_idempotent("claim_jobs", claim).await?;
        let crashed = claimed.jobs.iter().filter(|job| job.claims > MAX_CLAIMS);
        let jobs = claimed.crashed + crashed.count() as u64;
        if jobs > 0 {
            let queue = self.queue.handler.queue();
            tracing::error!(queue, jobs, "jobs are dead: no attempt of them ended");
        }
        self.states.set(partition, &claimed);
        for job in claimed.jobs {
            let is_suspect = (MAX_SHARED_CLAIMS + 1..=MAX_CLAIMS).contains(&job.claims);
            let suspect = is_suspect.then(|| Arc::clone(&self.suspect));
            let attempt = Attempt {
                queue: Arc::clone(&self.queue),
                partition,
                job,
                now: claimed.now,
                claimed_at,
            };
            self.attempts.spawn(async move {
                let outcome = attempt.run().await;
                drop(suspect);
                outcome
            });
        }
        let next = claimed
            .next_time
            .map(|time| time.saturating_sub(claimed.now));
        Ok(next.map_or(Duration::MAX, Duration::from_millis))
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
            Event::JobsAdded => self.claim_soon(),
            Event::Due => {}
        }
    }

    async fn next_event(&mut self, woken: &Notify, stopping: &mut watch::Receiver<bool>) -> Event {
        let claim_at = match self.has_room() {
            true => self.claim_at,
            false => self.trim_at,
        };
        let ended = pin!(async {
            match self.attempts.join_next().await {
                Some(ended) => Event::Ended(ended.ok()),
                None => pending().await,
            }
        });
        let recorded = pin!(self.recorder.call_ended().map(|()| Event::Recorded));
        let woken = pin!(woken.notified().map(|()| Event::JobsAdded));
        // The sender is dropped with the handle, which stops the worker too.
        let stopped = stopping.wait_for(|is_stopping| *is_stopping);
        let stopped = pin!(stopped.map(|_| Event::Due));
        let due = pin!(sleep_until(claim_at).map(|()| Event::Due));
        let events: [Pin<&mut (dyn Future<Output = Event> + Send)>; 5] =
            [ended, recorded, woken, stopped, due];
        select_all(events).await.0
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

/// Why a worker wakes.
enum Event {
    /// An attempt has ended; `None` for one that panicked.
    Ended(Option<Ended>),
    /// Jobs that are done were recorded.
    Recorded,
    JobsAdded,
    /// A claim is due, or the worker stops.
    Due,
}
