//! A claim that gives itself back.

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

/// A claim that gives itself back when it is dropped. As small as a pointer: every page has room for one.
pub(crate) struct ClaimGuard(Option<Box<ClaimGuardInner>>);

struct ClaimGuardInner {
    claim: Claim,
    salver: Salver,
    /// Whether the page itself says that it shows them.
    #[cfg(feature = "web")]
    is_client_confirmed: bool,
}

impl ClaimGuardInner {
    fn settle(self, end: fn(Claim) -> Settlement) {
        let Self { claim, salver, .. } = self;
        salver.settler.enqueue(&salver.app, end(claim));
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

    pub(crate) fn into_claim(mut self) -> Claim {
        self.0.take().map(|inner| inner.claim).unwrap_or_default()
    }
}

/// For pages that say themselves what they show.
#[cfg(feature = "web")]
impl ClaimGuard {
    /// Confirms what it holds beside its messages, of which no page will ever say that it shows it.
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

    /// Gives the claim, to be read.
    #[cfg(feature = "live")]
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.0.as_ref().map(|inner| &inner.claim)
    }

    /// Has the page say itself what it shows, once it is handed over.
    pub(crate) fn into_client_confirmed(mut self) -> Self {
        self.confirm_undecodable();
        if let Some(inner) = &mut self.0 {
            inner.is_client_confirmed = true;
        }
        self
    }

    /// Leaves the messages to the page's word, or to their lease.
    #[cfg(feature = "live")]
    pub(crate) fn abandon_to_lease(self) {
        drop(self.into_claim());
    }

    /// Gives back after a while, off everybody's path.
    #[cfg(feature = "live")]
    pub(crate) fn release_after(self, time: Duration) {
        let release = async move {
            tokio::time::sleep(time).await;
            drop(self);
        };
        // Without a thread it is dropped, and given back, at once.
        let _ = runtime::spawn(release);
    }
}

#[cfg(feature = "web")]
impl ClaimGuard {
    pub(crate) fn result(&self) -> Option<&ReadResult> {
        self.0.as_ref().map(|inner| &inner.claim.result)
    }

    /// Tells whether there is nothing to end.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.claim.is_empty())
    }

    pub(crate) fn follow(&mut self, session: &SessionId) {
        if let Some(inner) = &mut self.0 {
            inner.claim.follow_session(session);
        }
    }

    /// Confirms off the visitor's path, or leaves that to the page.
    pub(crate) fn confirm(mut self) {
        if let Some(inner) = self.0.take() {
            if inner.is_client_confirmed {
                return;
            }
            telemetry::record_shown(&inner.salver.app, inner.claim.messages().len() as u64);
            inner.settle(Settlement::Confirm);
        }
    }

    /// Gives back before the response leaves, so that the visitor's next page finds the messages. Waits for
    /// at most `budget`; the release goes its way whether or not anybody waits.
    pub(crate) async fn release(mut self, deadline: Duration) {
        if let Some(inner) = self.0.take() {
            let ClaimGuardInner { claim, salver, .. } = *inner;
            let settler = &salver.settler;
            let tried = settler.enqueue_and_wait(&salver.app, Settlement::Release(claim));
            // Too late, or there was nothing to release: the lease decides.
            let _ = timeout(deadline, tried).await;
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
