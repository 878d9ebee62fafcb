//! Claims, and their confirm and release by callers that wait for the result.

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
#[cfg(feature = "web")]
use tokio::time::Instant;

impl Salver {
    /// Claims within `timeout`. A claim that completes later is released.
    pub(crate) async fn claim_guarded(
        &self,
        contexts: Vec<Context>,
        timeout: Duration,
    ) -> Result<ClaimGuard, Error> {
        let claiming = ClaimFuture::new(self, contexts);
        self.call("claim", with_deadline(timeout, claiming, read_timed_out))
            .await
    }

    /// Claims for a page, which is served without messages if the store fails. Records the wait.
    #[cfg(feature = "web")]
    pub(crate) async fn claim_for_page(
        &self,
        contexts: Vec<Context>,
        timeout: Duration,
    ) -> Result<ClaimGuard, Error> {
        let timer = Timer::start();
        let claim = async {
            // Evaluated when the circuit breaker admits the call, so that a rejected call does not
            // use up the extended timeout.
            let latency = &self.shared.page_latency;
            let timeout = latency.timeout(timeout, self.config());
            let claiming = ClaimFuture::for_page(self, contexts);
            with_deadline(timeout, claiming, latency.on_timeout()).await
        };
        let guard = self.call("claim", claim).await;
        telemetry::record_page_wait(&self.app, timer, guard.is_err());
        guard
    }

    /// Records how long the claim of a page has taken. `is_missed`: whether the page no longer waits.
    #[cfg(feature = "web")]
    pub(super) fn record_page_claim(
        &self,
        claimed: &Result<ClaimGuard, Error>,
        started_at: Instant,
        is_missed: bool,
    ) {
        let latency = &self.shared.page_latency;
        match claimed {
            Ok(_) => {
                let took = started_at.elapsed();
                if latency.record_reply(took, is_missed, self.config()) {
                    // The store works: pages that did not wait must not open the breaker.
                    self.calls.record_success();
                }
            }
            Err(_) => latency.record_failure(),
        }
    }

    /// Claims for the JSON API or a stream, within the call timeout.
    #[cfg(feature = "web")]
    pub(crate) async fn claim_for_api(&self, contexts: Vec<Context>) -> Result<ClaimGuard, Error> {
        self.claim_guarded(contexts, self.config().call_timeout)
            .await
    }

    /// Claims the messages that a page of this context would show: its own and those of
    /// [`View::ANY`](crate::View::ANY). One round trip.
    ///
    /// Until the [`lease`](crate::SalverBuilder::lease) ends (15 seconds by default) no other read
    /// returns them. Call [`confirm`](Self::confirm) when they were shown, or
    /// [`release`](Self::release) when they were not. Without either they become visible again when
    /// the lease expires.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). With [`is_unavailable`](Error::is_unavailable) and
    /// [`is_in_doubt`](Error::is_in_doubt) the store may have claimed messages: they are released
    /// when it replies, or become visible again when the lease expires.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages that it claims are released when the store replies.
    pub async fn claim(&self, context: &Context) -> Result<Claim, Error> {
        let contexts = context.contexts_to_read();
        let guard = self
            .claim_guarded(contexts, self.config().call_timeout)
            .await?;
        Ok(guard.into_claim())
    }

    /// Confirms a claim: its messages were shown, and are removed. One round trip.
    ///
    /// They are removed even if the lease has expired and another reader has claimed them since. A
    /// confirm follows a session that moved at a login, with one more round trip for each move.
    /// Repeating it is safe. Without a reply it is sent once more, as in [`add`](Self::add).
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    /// [`is_denied`](Error::is_denied), [`is_unreadable`](Error::is_unreadable). Confirm again, or
    /// the messages are shown again after the lease.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages may have been removed. Repeating is safe.
    pub async fn confirm(&self, claim: &Claim) -> Result<(), Error> {
        self.write_idempotent("confirm", || self.store.confirm(claim))
            .await?;
        telemetry::record_shown(&self.app, claim.messages().len() as u64);
        telemetry::record_confirmed(&self.app, claim.messages().len() as u64);
        Ok(())
    }

    /// Removes messages that a client has confirmed by id, whichever reader has claimed them.
    ///
    /// One round trip for each context: that of the page, and that of `View::ANY`.
    #[cfg(feature = "web")]
    pub(crate) async fn confirm_by_ids(
        &self,
        context: &Context,
        ids: Vec<MessageId>,
    ) -> Result<(), Error> {
        let (contexts, selector) = (context.contexts_to_read(), Selector::Ids(ids));
        let confirms = contexts.iter().map(|context| {
            self.write_idempotent("confirm", || self.store.retract(context, &selector))
        });
        let removed: u64 = try_join_all(confirms).await?.into_iter().sum();
        telemetry::record_shown(&self.app, removed);
        telemetry::record_confirmed(&self.app, removed);
        Ok(())
    }

    /// Releases a claim: its messages were not shown, and become visible again immediately. One
    /// round trip.
    ///
    /// Messages that another reader has claimed since are not released. Salver never sends a
    /// release twice.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    /// [`is_denied`](Error::is_denied), [`is_unreadable`](Error::is_unreadable). The messages then
    /// become visible when the lease expires, at the latest.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages may have been released; otherwise they become visible
    /// when the lease expires.
    pub async fn release(&self, claim: Claim) -> Result<(), Error> {
        self.write_non_idempotent("release", self.store.release(&claim))
            .await?;
        telemetry::record_released(&self.app, claim.messages().len() as u64);
        Ok(())
    }
}
