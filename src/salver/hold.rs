//! A claim that gives itself back.

#[cfg(feature = "web")]
use std::time::Duration;

use super::Salver;
#[cfg(feature = "web")]
use super::within;
use crate::settle::End;
use crate::store::Claim;
#[cfg(feature = "web")]
use crate::store::Found;
#[cfg(feature = "web")]
use crate::{Error, SessionId};

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
            self.salver.shared.settle.hand_over(End::Confirm(claim));
        }
    }

    /// Gives back before the response leaves, so that the visitor's next page finds the messages; with no
    /// time left, as soon as can be.
    pub(crate) async fn release(mut self, budget: Duration) {
        if budget.is_zero() {
            return;
        }
        let Some(claim) = self.claim.take().filter(|claim| !claim.is_empty()) else {
            return;
        };
        let release = self.salver.store.release(&claim);
        let late = || Error::in_doubt("the store did not answer in time");
        if let Err(error) = within(budget, release, late).await {
            tracing::warn!(%error, "release failed: the lease decides");
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.salver.shared.settle.hand_over(End::Release(claim));
        }
    }
}
