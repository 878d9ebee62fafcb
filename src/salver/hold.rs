//! A claim that gives itself back.

#[cfg(feature = "web")]
use std::time::Duration;

use tokio::sync::oneshot;
#[cfg(feature = "web")]
use tokio::time::timeout;

use super::Salver;
use crate::settle::End;
use crate::store::Claim;
#[cfg(feature = "web")]
use crate::store::Found;
#[cfg(feature = "web")]
use crate::{SessionId, count};

/// A claim that gives itself back when it is dropped.
pub(crate) struct Hold {
    claim: Option<Claim>,
    salver: Salver,
}

impl Hold {
    pub(super) fn new(salver: &Salver, claim: Claim) -> Self {
        Self {
            claim: Some(claim),
            salver: salver.clone(),
        }
    }

    fn hand_over(&self, end: End) -> oneshot::Receiver<()> {
        let salver = &self.salver;
        salver.shared.settle.hand_over(&salver.app, end)
    }

    pub(crate) fn into_claim(mut self) -> Claim {
        self.claim.take().unwrap_or_default()
    }
}

#[cfg(feature = "web")]
impl Hold {
    pub(crate) fn found(&self) -> Option<&Found> {
        self.claim.as_ref().map(|claim| &claim.found)
    }

    pub(crate) fn follow(&mut self, session: &SessionId) {
        if let Some(claim) = &mut self.claim {
            claim.follow(session);
        }
    }

    /// Confirms off the visitor's path.
    pub(crate) fn confirm(mut self) {
        if let Some(claim) = self.claim.take() {
            count::shown(&self.salver.app, claim.messages().len() as u64);
            drop(self.hand_over(End::Confirm(claim)));
        }
    }

    /// Gives back before the response leaves, so that the visitor's next page finds the messages. Waits for
    /// at most `budget`; the release goes its way whether or not anybody waits.
    pub(crate) async fn release(mut self, budget: Duration) {
        if let Some(claim) = self.claim.take() {
            let released = self.hand_over(End::Release(claim));
            // Too late, or there was nothing to release: the lease decides.
            let _ = timeout(budget, released).await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            drop(self.hand_over(End::Release(claim)));
        }
    }
}
