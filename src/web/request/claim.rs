//! The claim of a request: at most one store call, within the page's time budget, and only if
//! messages may be pending.

use std::time::Duration;

use actix_web::HttpRequest;
use tokio::time::Instant;

use crate::handle::ClaimGuard;
use crate::log_limit::LogLimit;
use crate::web::partial::Partial;
use crate::web::request::eligibility;
use crate::web::request::state::{PageMessages, RequestState, ResponseKind};
use crate::web::response::status::SkipReason;
use crate::{Context, SessionId};

/// Conditions that need an operator are logged once a minute, not once for each page.
static DEGRADED_LOG_LIMIT: LogLimit = LogLimit::new();
static SKIPPED_LOG_LIMIT: LogLimit = LogLimit::new();

impl RequestState {
    /// Claims what is pending for this request. The first call claims; later calls return its
    /// result.
    ///
    /// A store failure counts as nothing pending: it never breaks a page.
    pub(crate) async fn page_messages(&self, request: &HttpRequest) -> PageMessages {
        self.page_messages
            .get_or_init(|| self.claim(request))
            .await
            .clone()
    }

    async fn claim(&self, request: &HttpRequest) -> PageMessages {
        let claimable = self.claimable.take();
        let Some(context) = claimable.or_else(|| self.claimable_context(request)) else {
            return PageMessages::default();
        };
        self.status.set_view(context.view());
        #[cfg(feature = "live")]
        self.claimed_view.replace(Some(context.view().clone()));
        self.claim_contexts(request, context.contexts_to_read())
            .await
    }

    async fn claim_contexts(&self, request: &HttpRequest, contexts: Vec<Context>) -> PageMessages {
        self.move_returned_messages().await;
        let salver = &self.app_state.salver;
        let call = self
            .with_remaining_timeout(async |timeout| salver.claim_for_page(contexts, timeout).await);
        match call.await {
            Ok(claim) => self.keep_claim(request, claim),
            Err(error) => {
                self.status.skip(SkipReason::StoreFailure);
                // The circuit breaker warns when it opens; a warning for each page would hide that
                // line.
                if error.is_unavailable() {
                    tracing::debug!(%error, "page served without messages");
                } else if DEGRADED_LOG_LIMIT.allow() {
                    tracing::warn!(%error, "cannot read messages; pages are served without them");
                }
                PageMessages::default()
            }
        }
    }

    /// Moves the messages that a request from another site has left in a session of its own. If the
    /// store fails, the return cookie stays, and the next request tries again.
    pub(crate) async fn move_returned_messages(&self) {
        let Some(pending) = self.visitor.take_pending_move() else {
            return;
        };
        let salver = &self.app_state.salver;
        let moved = self.with_remaining_timeout(async |timeout| {
            let migration = salver.migrate_to(&pending.from, &pending.to, false);
            tokio::time::timeout(timeout, migration).await
        });
        match moved.await {
            Ok(Err(error)) if !error.is_session_closed() => {
                tracing::debug!(%error, "messages of a request from another site not moved yet");
            }
            Ok(_) => self.visitor.finish_move(pending),
            Err(_) => {}
        }
    }

    fn keep_claim(&self, request: &HttpRequest, claim: ClaimGuard) -> PageMessages {
        let mut page = PageMessages::default();
        if let Some(result) = claim.result() {
            if result.undecodable + result.unsupported > 0 && SKIPPED_LOG_LIMIT.allow() {
                let (undecodable, unsupported) = (result.undecodable, result.unsupported);
                tracing::warn!(
                    undecodable,
                    unsupported,
                    "skipped stored messages that are malformed or of a newer format version"
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

    /// Releases a claim before the response is sent.
    pub(crate) async fn release(&self, claim: ClaimGuard) {
        if claim.is_empty() {
            return;
        }
        self.visitor.bypass_index();
        self.with_remaining_timeout(async |timeout| claim.release(timeout).await)
            .await;
    }

    /// Runs a store call with the rest of the page's time budget, and subtracts the time that it
    /// took.
    pub(crate) async fn with_remaining_timeout<T>(
        &self,
        call: impl AsyncFnOnce(Duration) -> T,
    ) -> T {
        let started = Instant::now();
        let outcome = call(self.remaining_timeout.get()).await;
        let rest = self
            .remaining_timeout
            .get()
            .saturating_sub(started.elapsed());
        self.remaining_timeout.set(rest);
        outcome
    }

    /// Logs that messages wait for a page without a slot. The store is asked at most once a minute, and
    /// only where it is known that messages may be pending: otherwise such a page sends no query.
    pub(crate) async fn warn_if_slot_is_missing(&self) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let context = self.claimable.borrow().clone();
        let salver = &self.app_state.salver;
        let is_known = salver.is_in_memory() || salver.has_index();
        let Some(context) = context.filter(|_| is_known && LOG_LIMIT.allow()) else {
            return;
        };
        let count = self.with_remaining_timeout(async |timeout| {
            tokio::time::timeout(timeout, salver.count(&context)).await
        });
        if let Ok(Ok(pending @ 1..)) = count.await {
            let view = context.view();
            tracing::warn!(
                %view,
                pending,
                "messages wait for a page without `<salver-messages></salver-messages>`; add this element to its layout"
            );
        }
    }

    /// Returns whether there may be anything to insert into the response. Makes no store call.
    pub(crate) fn may_have_messages(
        &self,
        request: &HttpRequest,
        partial: Option<&Partial>,
    ) -> bool {
        if self.has_response_only() || self.has_claim() {
            return true;
        }
        if partial.is_some() && self.claimable_partial_contexts(request).is_some() {
            return true;
        }
        if self.is_undeclared_fragment(request) {
            self.status.skip(SkipReason::FragmentRequest);
            return false;
        }
        // A response to htmx may also be a full page.
        if partial.is_some_and(|partial| *partial != Partial::Htmx) {
            return false;
        }
        let claimable = self.claimable_context(request);
        let any = claimable.is_some();
        self.claimable.replace(claimable);
        any
    }

    /// Returns whether a script may use only a part of the response, and no handler declares which.
    fn is_undeclared_fragment(&self, request: &HttpRequest) -> bool {
        let headers = self.headers(request);
        headers.is_fragment_request
            && !headers.is_partial_request
            && matches!(*self.response_kind.borrow(), ResponseKind::Auto)
    }

    /// Returns the session of a request that may claim.
    fn claiming_session(&self, request: &HttpRequest) -> Option<SessionId> {
        if let Some(reason) = eligibility::why_not_claiming(request, self.headers(request)) {
            self.status.skip(reason);
            return None;
        }
        let session = self.session(request);
        if session.is_none() {
            self.status.skip(SkipReason::NoSession);
        }
        session
    }

    /// Returns the context to claim for this request; `None` if the request may not claim, has no
    /// session, or is known to have no pending messages.
    fn claimable_context(&self, request: &HttpRequest) -> Option<Context> {
        let headers = self.headers(request);
        let session = self.claiming_session(request)?;
        let view = self.app_state.page_view(request);
        let salver = &self.app_state.salver;
        let is_known_empty = !self.visitor.bypasses_index()
            && salver.is_known_empty(&session, &view)
            && !headers.cookies.hint;
        (!is_known_empty).then(|| salver.context_for(session, view))
    }

    /// Returns the contexts to claim for a partial: those of the requesting page, and that of this
    /// request's own view if the request added messages to it. `None` as in
    /// [`claimable_context`](Self::claimable_context).
    fn claimable_partial_contexts(&self, request: &HttpRequest) -> Option<Vec<Context>> {
        let headers = self.headers(request);
        let session = self.claiming_session(request)?;
        let view = match &*self.response_kind.borrow() {
            ResponseKind::PartialOf(view) => self.app_state.record_view(view.clone()),
            _ => self.app_state.requesting_page_view(request),
        };
        self.status.set_view(&view);
        let salver = &self.app_state.salver;
        let uses_index = !self.visitor.bypasses_index() && !headers.cookies.hint;
        if uses_index && salver.is_known_empty(&session, &view) {
            return None;
        }
        let page = salver.context_for(session, view);
        let mut contexts = page.contexts_to_read();
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

    /// Claims the messages of a partial, unless a handler has already claimed for this request.
    pub(crate) async fn partial_messages(&self, request: &HttpRequest) -> PageMessages {
        if self.page_messages.initialized() {
            return PageMessages::default();
        }
        let claim = async {
            match self.claimable_partial_contexts(request) {
                Some(contexts) => self.claim_contexts(request, contexts).await,
                None => PageMessages::default(),
            }
        };
        self.page_messages.get_or_init(|| claim).await.clone()
    }
}
