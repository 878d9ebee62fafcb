//! Where the ends of claims are tried.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::Error;
use crate::call_policy::CallPolicy;
use crate::deadline::write_timed_out;
use crate::log_limit::LogLimit;
use crate::store::{Claim, Store};
use crate::telemetry;

/// Longest wait for one end. Stops a store that never answers from holding up the queue.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Most ends that wait to be tried in one queue. Bounds the memory that a store which is down can cost; what finds
/// no room comes back when its lease ends.
pub(super) const QUEUE_CAPACITY: usize = 1024;
/// Most ends that are on their way at once: enough to fill one connection's pipeline.
pub(super) const MAX_IN_FLIGHT: usize = 64;

/// How a claim ends.
#[derive(Debug)]
pub(crate) enum Settlement {
    #[cfg_attr(
        not(feature = "web"),
        expect(dead_code, reason = "only pages confirm without waiting")
    )]
    Confirm(Claim),
    Release(Claim),
}

impl Settlement {
    pub(crate) fn claim(&self) -> &Claim {
        let (Self::Confirm(claim) | Self::Release(claim)) = self;
        claim
    }
}

/// The end of a claim, and who waits for it.
pub(crate) struct PendingSettlement {
    pub(crate) app: Arc<str>,
    pub(crate) settlement: Settlement,
    /// Whoever waits is told by its end.
    pub(crate) _done: Option<oneshot::Sender<()>>,
}

impl PendingSettlement {
    /// Counts the messages that may be shown again where this job is given up.
    pub(crate) fn abandon(&self) {
        if let Settlement::Confirm(claim) = &self.settlement {
            telemetry::record_abandoned(&self.app, claim.messages().len() as u64);
        }
    }
}

/// The outcome of one attempt to settle a claim.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Applied {
    /// Settled, or failed for good.
    Done,
    /// A confirm that failed and may succeed later.
    Retry,
}

/// Applies settlements to a store.
pub(crate) struct Applier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) calls: CallPolicy,
}

impl Applier {
    /// Applies a settlement once. Only a confirm may be retried.
    pub(crate) async fn apply(&self, pending: &PendingSettlement) -> Applied {
        let PendingSettlement {
            app, settlement, ..
        } = pending;
        let length = settlement.claim().messages().len() as u64;
        let (operation, call) = match settlement {
            Settlement::Confirm(claim) => ("confirm", self.store.confirm(claim)),
            // Sent once: a lease that was released and claimed anew could not be told from this one.
            Settlement::Release(claim) => ("release", self.store.release(claim)),
        };
        match (self.call(operation, app, call).await, settlement) {
            (Ok(()), Settlement::Confirm(_)) => telemetry::record_confirmed(app, length),
            (Ok(()), Settlement::Release(_)) => telemetry::record_released(app, length),
            (Err(error), Settlement::Confirm(_)) if error.retry_after().is_some() => {
                return Applied::Retry;
            }
            (Err(error), _) => {
                pending.abandon();
                log_failure(&error);
            }
        }
        Applied::Done
    }

    async fn call(
        &self,
        operation: &'static str,
        app: &Arc<str>,
        settlement: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        // A store that panics must not take the ends of all other claims with it.
        let settlement = timeout(CALL_TIMEOUT, AssertUnwindSafe(settlement).catch_unwind());
        let guarded = async {
            match settlement.await {
                Ok(Ok(ended)) => ended,
                Ok(Err(_)) => Err(Error::unreadable(
                    "a settlement during which the store panicked",
                )),
                Err(_) => Err(write_timed_out()),
            }
        };
        self.calls.call(operation, app, guarded).await
    }
}

fn log_failure(error: &Error) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(%error, "could not confirm or release a claim; its messages reappear when the lease expires");
    }
}
