//! A guard that releases a claim when it is dropped.

#[cfg(feature = "web")]
use std::time::Duration;

#[cfg(feature = "web")]
use tokio::time::timeout;

use crate::handle::salver::Salver;
#[cfg(feature = "live")]
use crate::runtime;
use crate::settlement::Settlement;
use crate::store::Claim;
#[cfg(feature = "web")]
use crate::store::ReadResult;
#[cfg(feature = "web")]
use crate::{SessionId, telemetry};

/// A guard that releases its claim when it is dropped.
///
/// It has the size of a pointer, since the state of every request has space for one.
pub(crate) struct ClaimGuard(Option<Box<ClaimGuardInner>>);

struct ClaimGuardInner {
    claim: Claim,
    salver: Salver,
    /// Whether the client confirms the messages, so that the server does not.
    #[cfg(feature = "web")]
    is_client_confirmed: bool,
}

impl ClaimGuardInner {
    fn settle(self, settlement: fn(Claim) -> Settlement) {
        let Self { claim, salver, .. } = self;
        salver.settler.enqueue(&salver.app, settlement(claim));
    }
}

impl ClaimGuard {
    pub(crate) fn new(salver: &Salver, claim: Claim) -> Self {
        let salver = salver.clone();
        Self(Some(Box::new(ClaimGuardInner {
            claim,
            salver,
            #[cfg(feature = "web")]
            is_client_confirmed: false,
        })))
    }

    /// Returns the claim without releasing it.
    pub(crate) fn into_claim(mut self) -> Claim {
        self.0.take().map(|inner| inner.claim).unwrap_or_default()
    }
}

/// For pages whose client confirms the messages.
#[cfg(feature = "web")]
impl ClaimGuard {
    /// Confirms, and so removes, the members that cannot be decoded. No client can confirm them.
    pub(crate) fn confirm_undecodable(&mut self) {
        if let Some(inner) = &mut self.0
            && let Some(rest) = inner.claim.split_undecodable()
        {
            let ClaimGuardInner { salver, .. } = &**inner;
            salver
                .settler
                .enqueue(&salver.app, Settlement::Confirm(rest));
        }
    }

    /// Returns the claim.
    #[cfg(feature = "live")]
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.0.as_ref().map(|inner| &inner.claim)
    }

    /// Leaves the confirm of the messages to the client, once the response has been sent.
    pub(crate) fn into_client_confirmed(mut self) -> Self {
        self.confirm_undecodable();
        if let Some(inner) = &mut self.0 {
            inner.is_client_confirmed = true;
        }
        self
    }

    /// Drops the claim without releasing it: the client confirms the messages, or their lease expires.
    #[cfg(feature = "live")]
    pub(crate) fn drop_without_release(self) {
        drop(self.into_claim());
    }

    /// Releases the claim after a delay, in the background.
    #[cfg(feature = "live")]
    pub(crate) fn release_after(self, time: Duration) {
        let release = async move {
            tokio::time::sleep(time).await;
            drop(self);
        };
        // Without the background thread the guard is dropped here, which releases the claim
        // immediately.
        let _ = runtime::spawn(release);
    }
}

#[cfg(feature = "web")]
impl ClaimGuard {
    /// Returns the messages and counts that the claim has read.
    pub(crate) fn result(&self) -> Option<&ReadResult> {
        self.0.as_ref().map(|inner| &inner.claim.result)
    }

    /// Returns whether there is nothing to confirm or release.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.claim.is_empty())
    }

    /// Follows the messages to a new session id after a migrate.
    pub(crate) fn follow(&mut self, session: &SessionId) {
        if let Some(inner) = &mut self.0 {
            inner.claim.follow_session(session);
        }
    }

    /// Confirms in the background, so that the visitor does not wait. Does nothing if the client
    /// confirms.
    pub(crate) fn confirm(mut self) {
        if let Some(inner) = self.0.take() {
            if inner.is_client_confirmed {
                return;
            }
            telemetry::record_shown(&inner.salver.app, inner.claim.messages().len() as u64);
            inner.settle(Settlement::Confirm);
        }
    }

    /// Releases before the response is sent, so that the visitor's next page finds the messages.
    ///
    /// Waits for at most `deadline`. The release continues if the wait ends or the future is
    /// dropped.
    pub(crate) async fn release(mut self, deadline: Duration) {
        if let Some(inner) = self.0.take() {
            let ClaimGuardInner { claim, salver, .. } = *inner;
            let settler = &salver.settler;
            let attempted = settler.enqueue_and_wait(&salver.app, Settlement::Release(claim));
            // After the deadline, the release completes in the background or the lease expires.
            let _ = timeout(deadline, attempted).await;
        }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            inner.settle(Settlement::Release);
        }
    }
}
