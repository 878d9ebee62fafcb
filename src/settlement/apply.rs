//! Applying a settlement, the confirm or release of a claim, to the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Error;
use crate::call_policy::CallPolicy;
use crate::deadline::{with_deadline, write_timed_out};
use crate::log_limit::LogLimit;
use crate::store::{Claim, Store};
use crate::telemetry;

/// Longest wait for one settlement. Stops a store that never replies from blocking the queue.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of settlements that wait in one queue. Bounds the memory used while the store is
/// down. The messages of a rejected settlement become visible again when the lease expires.
pub(super) const QUEUE_CAPACITY: usize = 1024;
/// Maximum number of settlements in flight: enough to fill the pipeline of one connection.
pub(super) const MAX_IN_FLIGHT: usize = 64;

/// The end of a claim: its messages were shown, or not.
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

/// A settlement that has not been applied yet.
pub(crate) struct PendingSettlement {
    pub(crate) app: Arc<str>,
    pub(crate) settlement: Settlement,
    /// Dropped when the settlement is done, which wakes the receiver.
    pub(crate) _done: Option<oneshot::Sender<()>>,
}

impl PendingSettlement {
    /// Counts the messages that may be shown again, because their confirm is abandoned.
    pub(crate) fn abandon(&self) {
        if let Settlement::Confirm(claim) = &self.settlement {
            telemetry::record_abandoned(&self.app, claim.messages().len() as u64);
        }
    }
}

/// The outcome of one attempt to settle a claim.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Applied {
    /// Settled, or failed permanently.
    Done,
    /// A confirm that failed and may succeed later.
    Retry,
}

/// The store to which settlements are applied, and the policy of its calls.
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
            // Sent once. After a release and a new claim within the same millisecond, both leases
            // have the same end. A second release would then end the new one.
            Settlement::Release(claim) => ("release", self.store.release(claim)),
        };
        let call = with_deadline(CALL_TIMEOUT, call, write_timed_out);
        match (self.calls.call(operation, app, call).await, settlement) {
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
}

#[cfg(feature = "web")]
impl Applier {
    /// Confirms several claims with one write. Returns `None` if each is still to be confirmed alone.
    pub(crate) async fn confirm_batch(&self, batch: &[&PendingSettlement]) -> Option<Applied> {
        let claims: Vec<_> = batch
            .iter()
            .map(|pending| pending.settlement.claim())
            .collect();
        let call = self.store.confirm_batch(&claims)?;
        let call = with_deadline(CALL_TIMEOUT, call, write_timed_out);
        match self.calls.call("confirm", &batch.first()?.app, call).await {
            Ok(true) => {
                for PendingSettlement {
                    app, settlement, ..
                } in batch
                {
                    let length = settlement.claim().messages().len() as u64;
                    telemetry::record_confirmed(app, length);
                }
                Some(Applied::Done)
            }
            Err(error) if error.retry_after().is_some() => Some(Applied::Retry),
            Ok(false) | Err(_) => None,
        }
    }
}

fn log_failure(error: &Error) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if LOG_LIMIT.allow() {
        tracing::warn!(%error, "could not confirm or release a claim; its messages reappear when the lease expires");
    }
}
