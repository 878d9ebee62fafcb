//! The claims of a queue that wait for their replies, at most one for each partition.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, pending};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use crate::Error;
use crate::jobs::store_trait::{Claimed, Limit};
use crate::jobs::worker::queue::Queue;

/// How long a claim waits for its reply. Longer than a server pauses for a fork or a write to its disk: a claim that is given
/// up may have leased jobs, which then wait for the end of the lease. Limited, since no other claim of the partition begins
/// before, and the connection may be gone.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(5);

/// A claim that has ended.
pub(super) struct EndedClaim {
    pub(super) partition: usize,
    pub(super) claimed_at: Instant,
    /// Held if the claim might lease a suspect: it begins no attempt beside another one.
    pub(super) _suspect: Option<Arc<()>>,
    pub(super) outcome: Result<Claimed, Error>,
}

/// The claims in progress. A caller that stops waiting for one receives it later.
pub(super) struct Claims {
    queue: Arc<Queue>,
    calls: FuturesUnordered<BoxFuture<'static, EndedClaim>>,
    partitions: BTreeSet<usize>,
}

impl Claims {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            calls: FuturesUnordered::new(),
            partitions: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Returns whether a claim of the partition is in progress.
    pub(super) fn has(&self, partition: usize) -> bool {
        self.partitions.contains(&partition)
    }

    /// Begins a claim of at most so many jobs, and of a suspect if there is none yet.
    pub(super) fn begin(&mut self, partition: usize, jobs: usize, suspect: Option<Arc<()>>) {
        let limit = Limit {
            jobs,
            suspects: usize::from(suspect.is_some()),
        };
        self.partitions.insert(partition);
        let (queue, claimed_at) = (Arc::clone(&self.queue), Instant::now());
        let claim = async move {
            let lease = queue.settings.lease;
            let claim = queue.store.claim(queue.key(partition), lease, limit);
            let outcome = queue
                .salver
                .write_past_breaker("claim_jobs", CLAIM_TIMEOUT, claim);
            EndedClaim {
                partition,
                claimed_at,
                _suspect: suspect,
                outcome: outcome.await,
            }
        };
        self.calls.push(claim.boxed());
    }

    /// Waits until a claim ends; for ever if none is in progress.
    pub(super) async fn ended(&mut self) -> EndedClaim {
        let Some(ended) = self.calls.next().await else {
            return pending().await;
        };
        self.partitions.remove(&ended.partition);
        ended
    }
}

#[cfg(test)]
mod tests {
    use crate::Salver;
    use crate::jobs::handler::{Handler, Outcome};
    use crate::jobs::record::StoredJob;
    use crate::jobs::store;
    use crate::jobs::worker::settings::Settings;

    use super::*;

    struct Idle;

    impl Handler for Idle {
        fn queue(&self) -> &'static str {
            "idle"
        }

        fn attempt<'a>(&'a self, _job: &'a StoredJob, _now: u64) -> BoxFuture<'a, Outcome> {
            async { Outcome::Done }.boxed()
        }
    }

    /// Failures of calls to another server of a Cluster must not stop the claims from this one.
    #[tokio::test(start_paused = true)]
    async fn claim_is_made_while_the_breaker_is_open() -> Result<(), Error> {
        let salver = Salver::memory("app")?;
        let queue = Queue {
            store: store::of(&salver)?,
            salver: salver.clone(),
            handler: Arc::new(Idle),
            settings: Settings::default(),
            resting: Arc::default(),
        };
        for _ in 0..3 {
            let failing = async { Err::<(), _>(Error::unavailable("the server is down")) };
            let _ = salver.write_non_idempotent("finish_job", failing).await;
        }
        let rejected = salver.write_non_idempotent("finish_job", async { Ok(()) });
        assert!(rejected.await.is_err_and(|error| error.is_unavailable()));
        let mut claims = Claims::new(Arc::new(queue));
        claims.begin(0, 1, None);
        assert!(claims.ended().await.outcome.is_ok());
        Ok(())
    }
}
