//! What the store is asked for a request: once, within the page's budget, and only where something may be there.

use std::time::Duration;

use actix_web::HttpRequest;
use tokio::time::Instant;

use crate::Context;
use crate::handle::ClaimGuard;
use crate::log_limit::LogLimit;
use crate::web::partial::Part;
use crate::web::request::eligibility;
use crate::web::request::headers::Head;
use crate::web::request::state::{Said, Shown, Visit};

/// What an operator has to mend is said once a minute, not once a page.
static DEGRADED: LogLimit = LogLimit::new();
static SKIPPED: LogLimit = LogLimit::new();

impl Visit {
    /// Claims what is pending for this request, once, however many ask.
    ///
    /// Trouble with the store is counted as nothing pending: it never breaks a page.
    pub(crate) async fn shown(&self, request: &HttpRequest) -> Shown {
        self.shown.get_or_init(|| self.claim(request)).await.clone()
    }

    async fn claim(&self, request: &HttpRequest) -> Shown {
        let asked = self.asked.take();
        let Some(context) = asked.or_else(|| self.asked_for(request, &Head::of(request))) else {
            return Shown::default();
        };
        #[cfg(feature = "live")]
        self.claimed_for.replace(Some(context.view().clone()));
        self.claim_from(request, context.looked_into()).await
    }

    async fn claim_from(&self, request: &HttpRequest, contexts: Vec<Context>) -> Shown {
        let salver = &self.site.salver;
        let held = self.spend(async |budget| salver.claim_for_page(contexts, budget).await);
        match held.await {
            Ok(hold) => self.keep_hold(request, hold),
            Err(error) => {
                // The breaker has said so once; a line for each page would drown it.
                if error.is_unavailable() {
                    tracing::debug!(%error, "the page goes out without messages");
                } else if DEGRADED.allow() {
                    tracing::warn!(%error, "pages go out without messages");
                }
                Shown::default()
            }
        }
    }

    fn keep_hold(&self, request: &HttpRequest, hold: ClaimGuard) -> Shown {
        let mut shown = Shown::default();
        if let Some(found) = hold.result() {
            if found.unreadable + found.newer > 0 && SKIPPED.allow() {
                let (unreadable, newer) = (found.unreadable, found.newer);
                tracing::warn!(
                    unreadable,
                    newer,
                    "members that cannot be shown were skipped"
                );
            }
            if !found.messages.is_empty() {
                shown.messages = self.tongue(request).translate_all(&found.messages).into();
            }
            shown.displaced = found.displaced;
        }
        self.hold.replace(Some(hold));
        shown
    }

    /// Gives back what was claimed, before the response leaves.
    pub(crate) async fn release(&self, hold: ClaimGuard) {
        if hold.is_empty() {
            return;
        }
        self.visitor.may_find_something();
        self.spend(async |budget| hold.release(budget).await).await;
    }

    /// Waits for the store with what is left of the page's one budget, and takes the wait off it.
    async fn spend<T>(&self, call: impl AsyncFnOnce(Duration) -> T) -> T {
        let started = Instant::now();
        let outcome = call(self.budget.get()).await;
        let left = self.budget.get().saturating_sub(started.elapsed());
        self.budget.set(left);
        outcome
    }

    /// Tells whether anything could go into the response, without asking the store.
    pub(crate) fn may_show(
        &self,
        request: &HttpRequest,
        head: &Head<'_>,
        part: Option<&Part>,
    ) -> bool {
        if !self.now.borrow().is_empty() || self.is_holding() {
            return true;
        }
        if part.is_some() && self.asked_for_part(request, head).is_some() {
            return true;
        }
        // What htmx has asked for may be a page all the same.
        if part.is_some_and(|part| *part != Part::Htmx) {
            return false;
        }
        let asked = self.asked_for(request, head);
        let any = asked.is_some();
        self.asked.replace(asked);
        any
    }

    /// Gives what the store has to be asked for on behalf of this request, if it is a page and may have something.
    fn asked_for(&self, request: &HttpRequest, head: &Head<'_>) -> Option<Context> {
        if !eligibility::may_claim(request, head) {
            return None;
        }
        let session = self.visitor.session_by(request, head)?;
        let view = self.site.page(request);
        let salver = &self.site.salver;
        let is_quiet = !self.visitor.is_touched()
            && salver.is_known_empty(&session, &view)
            && !head.cookies.hint;
        (!is_quiet).then(|| salver.context_for(session, view))
    }

    /// Gives what the store has to be asked for on behalf of the page that asks for a part: its messages, and those
    /// that this request has added to its own view.
    fn asked_for_part(&self, request: &HttpRequest, head: &Head<'_>) -> Option<Vec<Context>> {
        if !eligibility::may_claim(request, head) {
            return None;
        }
        let session = self.visitor.session_by(request, head)?;
        let view = match &*self.said.borrow() {
            Said::PartOf(view) => self.site.noted(view.clone()),
            _ => self.site.page_that_asks(request),
        };
        let salver = &self.site.salver;
        let is_known = !self.visitor.is_touched() && !head.cookies.hint;
        if is_known && salver.is_known_empty(&session, &view) {
            return None;
        }
        let page = salver.context_for(session, view);
        let mut contexts = page.looked_into();
        let own = self.site.view(request).filter(|_| self.added_here.get());
        if let Some(own) = own.map(|view| page.with_view(view))
            && !contexts.contains(&own)
        {
            contexts.push(own);
        }
        Some(contexts)
    }

    /// Claims what a part carries, where no handler has claimed for itself.
    pub(crate) async fn shown_in_part(&self, request: &HttpRequest) -> Shown {
        if self.shown.initialized() {
            return Shown::default();
        }
        let claim = async {
            match self.asked_for_part(request, &Head::of(request)) {
                Some(contexts) => self.claim_from(request, contexts).await,
                None => Shown::default(),
            }
        };
        self.shown.get_or_init(|| claim).await.clone()
    }
}
