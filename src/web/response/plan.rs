//! The plan for a response: whether it counts as shown, and whether messages are inserted into it.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;

use crate::web::partial::{self, Partial};
use crate::web::request::state::RequestState;
use crate::web::response::eligibility::{self, MediaType};
use crate::web::response::status::SkipReason;

/// How a response is finalized.
pub(crate) struct ResponsePlan {
    /// Whether messages rendered into the response count as shown.
    pub(super) counts_as_shown: bool,
    /// Whether there may be messages to insert.
    pub(super) injects: bool,
    /// The kind of partial that the response is; `None` for a full page.
    pub(super) partial: Option<Partial>,
    /// Whether the response is a page only if its first bytes show it, as it has no `Content-Type`.
    pub(super) is_sniffed: bool,
    /// Whether the bell of the page may have content.
    #[cfg(feature = "inbox")]
    pub(super) fills_bell: bool,
}

impl ResponsePlan {
    /// Decides how a response is finalized. Makes no store call.
    pub(crate) fn of<B: MessageBody>(state: &RequestState, response: &ServiceResponse<B>) -> Self {
        let media_type = MediaType::of(response);
        let plan = Self::for_messages(state, response, media_type);
        #[cfg(feature = "inbox")]
        let plan = Self {
            fills_bell: plan.counts_as_shown
                && plan.partial.is_none()
                && media_type == MediaType::Html
                && !eligibility::is_download(response)
                && !eligibility::is_encoded(response)
                && state.may_fill_bell(response.request()),
            ..plan
        };
        plan
    }

    fn for_messages<B: MessageBody>(
        state: &RequestState,
        response: &ServiceResponse<B>,
        media_type: MediaType,
    ) -> Self {
        let counts_as_shown = eligibility::counts_as_shown(response);
        let is_empty = !counts_as_shown && partial::may_be_empty(response, media_type);
        if !counts_as_shown && !is_empty {
            let reason = eligibility::why_not_shown(response);
            let reason = reason.unwrap_or(SkipReason::FailedHandler);
            state.status.refuse(reason);
        }
        if !counts_as_shown && Self::shows_only_now(state, response, media_type) {
            return Self {
                injects: true,
                ..Self::without_injection(false)
            };
        }
        if state.is_rendered() || !(counts_as_shown || is_empty) {
            let is_discarded = counts_as_shown && state.is_discarded_by_client(response);
            if is_discarded {
                state.status.refuse(SkipReason::DiscardedPartial);
            }
            return Self::without_injection(counts_as_shown && !is_discarded);
        }
        let is_stream = media_type == MediaType::TurboStream;
        let is_sniffed =
            media_type == MediaType::Missing && !is_empty && eligibility::is_sniffed(response);
        let may_be_page = is_empty || is_stream || is_sniffed || media_type == MediaType::Html;
        if !may_be_page || eligibility::is_download(response) {
            state.status.skip(match may_be_page {
                true => SkipReason::Download,
                false => SkipReason::NotHtml,
            });
            return Self::without_injection(counts_as_shown);
        }
        let request = response.request();
        // Also without a session, for which no view is looked up below.
        if state.app_state.unknown_views.is_awaited() {
            state.app_state.page_view(request);
        }
        let headers = state.headers(request);
        // Most pages are not requested by a script: the check for a partial is skipped for them.
        let partial = match headers.is_partial_request || is_stream {
            true => state.partial(response, media_type),
            false => None,
        };
        let carries_nothing =
            is_stream && partial.is_none() || is_empty && partial != Some(Partial::Htmx);
        if carries_nothing || headers.is_partial_request && state.is_discarded_by_client(response) {
            state.status.refuse(match carries_nothing {
                true if is_stream => SkipReason::PartialsDisabled,
                true => SkipReason::EmptyBody,
                false => SkipReason::DiscardedPartial,
            });
            return Self::without_injection(false);
        }
        let is_readable = is_readable(response);
        if !is_readable {
            state.status.skip(SkipReason::CompressedBody);
        }
        let injects = is_readable && state.may_have_messages(request, partial.as_ref());
        Self {
            injects,
            // htmx inserts a response as HTML, whatever it is.
            is_sniffed: is_sniffed && partial != Some(Partial::Htmx),
            partial,
            ..Self::without_injection(true)
        }
    }

    /// Returns whether the page of a failed handler shows the messages for this response only.
    fn shows_only_now<B: MessageBody>(
        state: &RequestState,
        response: &ServiceResponse<B>,
        media_type: MediaType,
    ) -> bool {
        state.has_response_only()
            && media_type == MediaType::Html
            && eligibility::is_shown(response)
            && !eligibility::is_download(response)
            && !state.headers(response.request()).is_partial_request
            && is_readable(response)
    }

    fn without_injection(counts_as_shown: bool) -> Self {
        Self {
            counts_as_shown,
            injects: false,
            partial: None,
            is_sniffed: false,
            #[cfg(feature = "inbox")]
            fills_bell: false,
        }
    }

    /// Returns whether the response can be sent as it is, without a store call.
    pub(crate) fn is_unchanged(&self, state: &RequestState) -> bool {
        #[cfg(feature = "inbox")]
        if self.fills_bell {
            return false;
        }
        !self.injects && !state.has_claim()
    }
}

/// Returns whether messages can be inserted into the response. Warns once if it is compressed.
fn is_readable<B>(response: &ServiceResponse<B>) -> bool {
    static WARNED: AtomicBool = AtomicBool::new(false);

    let encoded = eligibility::is_encoded(response);
    if encoded && !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "response is compressed before Salver's middleware; the slot cannot be filled. Wrap the compressor outside: \
             `.wrap(salver.middleware()).wrap(Compress::default())`"
        );
    }
    !encoded
}
