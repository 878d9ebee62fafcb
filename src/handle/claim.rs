//! Claims and how they end, for callers that wait.

#[cfg(feature = "web")]
use futures_util::future::try_join_all;

#[cfg(feature = "web")]
use crate::MessageId;
use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::claim_future::ClaimFuture;
use crate::handle::claim_guard::ClaimGuard;
use crate::handle::salver::Salver;
use crate::store::Claim;
#[cfg(feature = "web")]
use crate::store::Selector;
#[cfg(feature = "web")]
use crate::telemetry::Timer;
use crate::{Context, Error, telemetry};
use std::time::Duration;

impl Salver {
    /// Claims and waits for at most `budget`; what is claimed later is given back.
    pub(crate) async fn claim_guarded(
        &self,
        contexts: Vec<Context>,
        timeout: Duration,
    ) -> Result<ClaimGuard, Error> {
        let claiming = ClaimFuture::new(self, contexts);
        self.call("claim", with_deadline(timeout, claiming, read_timed_out))
            .await
    }

    /// Claims for a page, which goes out without messages when the store is in trouble: counted.
    #[cfg(feature = "web")]
    pub(crate) async fn claim_for_page(
        &self,
        contexts: Vec<Context>,
        timeout: Duration,
    ) -> Result<ClaimGuard, Error> {
        let since = Timer::start();
        let inner = self.claim_guarded(contexts, timeout).await;
        telemetry::record_page_wait(&self.app, since, inner.is_err());
        inner
    }

    /// Claims for a script in a page that is open: it waits as long as an add does.
    #[cfg(feature = "web")]
    pub(crate) async fn claim_for_api(&self, contexts: Vec<Context>) -> Result<ClaimGuard, Error> {
        self.claim_guarded(contexts, self.config().call_timeout)
            .await
    }

    /// Reads what a page of this context would show and hides it from every other look for the lease.
    ///
    /// [`confirm`](Self::confirm) it when it was shown, [`release`](Self::release) it when it was not. If
    /// neither happens the messages come back when the lease ends.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Dropped halfway, what it claims is released at once.
    pub async fn claim(&self, context: &Context) -> Result<Claim, Error> {
        let contexts = context.read_contexts();
        let guard = self
            .claim_guarded(contexts, self.config().call_timeout)
            .await?;
        Ok(guard.into_claim())
    }

    /// Ends a claim: shown, never again. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). When in doubt, confirm again or let the lease decide.
    pub async fn confirm(&self, claim: &Claim) -> Result<(), Error> {
        self.write_idempotent("confirm", || self.store.confirm(claim))
            .await?;
        telemetry::record_shown(&self.app, claim.messages().len() as u64);
        telemetry::record_confirmed(&self.app, claim.messages().len() as u64);
        Ok(())
    }

    /// Takes a page's word that it shows messages: never again, whoever holds them. One round trip.
    #[cfg(feature = "web")]
    pub(crate) async fn confirm_by_ids(
        &self,
        context: &Context,
        ids: Vec<MessageId>,
    ) -> Result<(), Error> {
        let (contexts, selector) = (context.read_contexts(), Selector::Ids(ids));
        let confirms = contexts.iter().map(|context| {
            self.write_idempotent("confirm", || self.store.retract(context, &selector))
        });
        let removed: u64 = try_join_all(confirms).await?.into_iter().sum();
        telemetry::record_shown(&self.app, removed);
        telemetry::record_confirmed(&self.app, removed);
        Ok(())
    }

    /// Ends a claim: not shown, give it back. One round trip, never repeated.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). When in doubt, the lease decides.
    pub async fn release(&self, claim: Claim) -> Result<(), Error> {
        self.write_non_idempotent("release", self.store.release(&claim))
            .await?;
        telemetry::record_released(&self.app, claim.messages().len() as u64);
        Ok(())
    }
}
