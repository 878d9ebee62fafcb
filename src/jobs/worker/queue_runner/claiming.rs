//! The claims of a queue runner, and the attempts with which they begin.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::Error;
use crate::jobs::store_trait::{Claimed, MAX_CLAIMS, MAX_JOBS_PER_CALL, MAX_SHARED_CLAIMS};
use crate::jobs::worker::attempt::Attempt;
use crate::jobs::worker::claims::EndedClaim;
use crate::jobs::worker::queue_runner::QueueRunner;
use crate::log_limit::LogLimit;

impl QueueRunner {
    /// Claims jobs, and sets when the next claim is due.
    pub(super) async fn claim_or_wait(&mut self) {
        self.is_resting = false;
        let (next, failed) = self.claim(self.queue.salver.config().call_timeout).await;
        if let Some(error) = failed {
            self.log_failed_claim(&error);
        }
        let delay = match next {
            Some(next) => {
                self.claim_backoff.reset();
                next.min(self.queue.settings.poll_interval)
            }
            None => self.claim_backoff.next_delay(),
        };
        self.claim_at = Instant::now() + delay;
    }

    pub(super) fn log_failed_claim(&self, error: &Error) {
        static DEGRADED: LogLimit = LogLimit::new();

        if DEGRADED.allow() {
            let queue = self.queue.handler.queue();
            tracing::warn!(%error, queue, "the worker waits for the store");
        }
    }

    /// Claims as many jobs as there is room for, and begins to attempt them. Returns the time until another job is due,
    /// `None` if no partition could be claimed from, and the first failure. A partition whose server is gone does not stop
    /// the others: this waits for each claim at most for `max_wait`.
    pub(super) async fn claim(&mut self, max_wait: Duration) -> (Option<Duration>, Option<Error>) {
        let partitions = self.queue.store.partitions();
        self.first_partition = (self.first_partition + 1) % partitions;
        let (mut next, mut failed) = (None, None);
        for n in 0..partitions {
            let partition = (self.first_partition + n) % partitions;
            match self.claim_in(partition, max_wait).await {
                Ok(until_next) => next = Some(next.map_or(until_next, |next| until_next.min(next))),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        self.states.record(&self.queue);
        (next, failed)
    }

    async fn claim_in(&mut self, partition: usize, max_wait: Duration) -> Result<Duration, Error> {
        let free = self.free();
        if free == 0 || self.claims.has(partition) {
            return Ok(Duration::MAX);
        }
        // One at a time: if it ends this process, that counts for no other suspect.
        let is_alone = Arc::strong_count(&self.suspect) == 1;
        let suspect = is_alone.then(|| Arc::clone(&self.suspect));
        let jobs = free.min(MAX_JOBS_PER_CALL);
        self.claims.begin(partition, jobs, suspect);
        // A reply that comes later is an event of its own.
        while let Ok(claim) = timeout(max_wait, self.claims.ended()).await {
            let is_late = claim.partition != partition;
            match self.begin_attempts(claim, self.free()) {
                Err(error) if is_late => self.log_failed_claim(&error),
                Ok(_) if is_late => {}
                claimed => return claimed,
            }
        }
        Ok(Duration::MAX)
    }

    /// Begins to attempt claimed jobs, and gives those back for which there is no room any more. Returns the time until
    /// another job is due.
    pub(super) fn begin_attempts(
        &mut self,
        claim: EndedClaim,
        room: usize,
    ) -> Result<Duration, Error> {
        let claimed = claim.outcome?;
        self.report_crashed(&claimed);
        self.states.set(claim.partition, &claimed);
        for (number, job) in claimed.jobs.into_iter().enumerate() {
            let is_suspect = (MAX_SHARED_CLAIMS + 1..=MAX_CLAIMS).contains(&job.claims);
            let suspect = is_suspect.then(|| Arc::clone(&self.suspect));
            let attempt = Attempt {
                queue: Arc::clone(&self.queue),
                partition: claim.partition,
                job,
                now: claimed.now,
                claimed_at: claim.claimed_at,
            };
            self.attempts.spawn(async move {
                let outcome = match number < room {
                    true => attempt.run().await,
                    false => attempt.release().await,
                };
                drop(suspect);
                outcome
            });
        }
        let next = claimed
            .next_time
            .map(|time| time.saturating_sub(claimed.now));
        Ok(next.map_or(Duration::MAX, Duration::from_millis))
    }

    fn report_crashed(&self, claimed: &Claimed) {
        let crashed = claimed.jobs.iter().filter(|job| job.claims > MAX_CLAIMS);
        let jobs = claimed.crashed + crashed.count() as u64;
        if jobs > 0 {
            let queue = self.queue.handler.queue();
            tracing::error!(queue, jobs, "jobs are dead: no attempt of them ended");
        }
    }
}
