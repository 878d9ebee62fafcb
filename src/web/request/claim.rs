//! What the store is asked for a request: once, within the page's budget, and only where something may be there.

use std::time::Duration;

use actix_web::HttpRequest;
use tokio::time::Instant;

use crate::Context;
use crate::handle::ClaimGuard;
use crate::log_limit::LogLimit;
use crate::web::partial::Partial;
use crate::web::request::eligibility;
use crate::web::request::headers::RequestHeaders;
use crate::web::request::state::{PageMessages, RequestState, ResponseKind};

/// What an operator has to mend is said once a minute, not once a page.
static DEGRADED_LOG_LIMIT: LogLimit = LogLimit::new();
static SKIPPED_LOG_LIMIT: LogLimit = LogLimit::new();

impl RequestState {
    /// Claims what is pending for this request, once, however many ask.
    ///
    /// Trouble with the store is counted as nothing pending: it never breaks a page.
    pub(crate) async fn page_messages(&self, request: &HttpRequest) -> PageMessages {
        self.page_messages
            .get_or_init(|| self.claim(request))
            .await
            .clone()
    }

    async fn claim(&self, request: &HttpRequest) -> PageMessages {
        let claimable = self.claimable.take();
        let Some(context) =
            claimable.or_else(|| self.claimable_context(request, &RequestHeaders::of(request)))
        else {
            return PageMessages::default();
        };
        #[cfg(feature = "live")]
        self.claimed_view.replace(Some(context.view().clone()));
        self.claim_contexts(request, context.read_contexts()).await
    }

    async fn claim_contexts(&self, request: &HttpRequest, contexts: Vec<Context>) -> PageMessages {
        let salver = &self.app_state.salver;
        let held = self
            .with_remaining_timeout(async |timeout| salver.claim_for_page(contexts, timeout).await);
        match held.await {
            Ok(claim) => self.keep_claim(request, claim),
            Err(error) => {
                // The breaker has said so once; a line for each page would drown it.
                if error.is_unavailable() {
                    tracing::debug!(%error, "page served without messages");
                } else if DEGRADED_LOG_LIMIT.allow() {
                    tracing::warn!(%error, "cannot read messages; pages are served without them");
                }
                PageMessages::default()
            }
        }
    }

    fn keep_claim(&self, request: &HttpRequest, claim: ClaimGuard) -> PageMessages {
        let mut page = PageMessages::default();
        if let Some(result) = claim.result() {
            if result.undecodable + result.unsupported > 0 && SKIPPED_LOG_LIMIT.allow() {
                let (unreadable, newer) = (result.undecodable, result.unsupported);
                tracing::warn!(
                    unreadable,
                    newer,
                    "skipped stored messages that cannot be decoded"
                );
            }
            if !result.messages.is_empty() {
                page.messages = self
                    .translator(request)
                    .translate_all(&result.messages)
                    .into();
            }
            page.displaced = result.displaced;
        }
        self.claim.replace(Some(claim));
        page
    }

    /// Gives back what was claimed, before the response leaves.
    pub(crate) async fn release(&self, claim: ClaimGuard) {
        if claim.is_empty() {
            return;
        }
        self.visitor.bypass_index();
        self.with_remaining_timeout(async |timeout| claim.release(timeout).await)
            .await;
    }

    /// Waits for the store with what is left of the page's one budget, and takes the wait off it.
    async fn with_remaining_timeout<T>(&self, call: impl AsyncFnOnce(Duration) -> T) -> T {
        let started = Instant::now();
        let outcome = call(self.remaining_timeout.get()).await;
        let left = self
            .remaining_timeout
            .get()
            .saturating_sub(started.elapsed());
        self.remaining_timeout.set(left);
        outcome
    }

    /// Tells whether anything could go into the response, without asking the store.
    pub(crate) fn may_have_messages(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
        partial: Option<&Partial>,
    ) -> bool {
        if !self.response_only.borrow().is_empty() || self.has_claim() {
            return true;
        }
        if partial.is_some() && self.claimable_partial_contexts(request, headers).is_some() {
            return true;
        }
        // What htmx has asked for may be a page all the same.
        if partial.is_some_and(|partial| *partial != Partial::Htmx) {
            return false;
        }
        let claimable = self.claimable_context(request, headers);
        let any = claimable.is_some();
        self.claimable.replace(claimable);
        any
    }

    /// Gives what the store has to be asked for on behalf of this request, if it is a page and may have something.
    fn claimable_context(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
    ) -> Option<Context> {
        if !eligibility::may_claim(request, headers) {
            return None;
        }
        let session = self.visitor.session_with_headers(request, headers)?;
        let view = self.app_state.page_view(request);
        let salver = &self.app_state.salver;
        let is_quiet = !self.visitor.bypasses_index()
            && salver.is_known_empty(&session, &view)
            && !headers.cookies.hint;
        (!is_quiet).then(|| salver.context_for(session, view))
    }

    /// Gives what the store has to be asked for on behalf of the page that asks for a part: its messages, and those
    /// that this request has added to its own view.
    fn claimable_partial_contexts(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
    ) -> Option<Vec<Context>> {
        if !eligibility::may_claim(request, headers) {
            return None;
        }
        let session = self.visitor.session_with_headers(request, headers)?;
        let view = match &*self.response_kind.borrow() {
            ResponseKind::PartialOf(view) => self.app_state.record_view(view.clone()),
            _ => self.app_state.requesting_page_view(request),
        };
        let salver = &self.app_state.salver;
        let is_known = !self.visitor.bypasses_index() && !headers.cookies.hint;
        if is_known && salver.is_known_empty(&session, &view) {
            return None;
        }
        let page = salver.context_for(session, view);
        let mut contexts = page.read_contexts();
        let own = self
            .app_state
            .view(request)
            .filter(|_| self.added_to_own_view.get());
        if let Some(own) = own.map(|view| page.with_view(view))
            && !contexts.contains(&own)
        {
            contexts.push(own);
        }
        Some(contexts)
    }

    /// Claims what a part carries, where no handler has claimed for itself.
    pub(crate) async fn partial_messages(&self, request: &HttpRequest) -> PageMessages {
        if self.page_messages.initialized() {
            return PageMessages::default();
        }
        let claim = async {
            match self.claimable_partial_contexts(request, &RequestHeaders::of(request)) {
                Some(contexts) => self.claim_contexts(request, contexts).await,
                None => PageMessages::default(),
            }
        };
        self.page_messages.get_or_init(|| claim).await.clone()
    }
}
