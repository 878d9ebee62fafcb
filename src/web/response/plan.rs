//! What a response means for the messages of its request.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;

use crate::web::partial::{self, Partial};
use crate::web::request::headers::RequestHeaders;
use crate::web::request::state::RequestState;
use crate::web::response::eligibility;

/// What a response means for its visit.
pub(crate) struct ResponsePlan {
    /// Whether messages rendered into it count as shown.
    pub(super) counts_as_shown: bool,
    /// Whether there may be something to put into it.
    pub(super) injects: bool,
    /// Which part of a page it is, if it is one.
    pub(super) partial: Option<Partial>,
}

impl ResponsePlan {
    pub(crate) fn of<B: MessageBody>(state: &RequestState, response: &ServiceResponse<B>) -> Self {
        let counts = eligibility::counts_as_shown(response);
        let is_empty = !counts && partial::may_be_empty(response);
        if state.is_rendered() || !(counts || is_empty) {
            return Self::without_injection(counts && !state.is_discarded_by_client(response));
        }
        let is_stream = partial::is_turbo_stream(response);
        if !(is_empty || is_stream || eligibility::is_html(response)) {
            return Self::without_injection(counts);
        }
        let request = response.request();
        let headers = RequestHeaders::of(request);
        // Most pages are asked for by nobody's script, and are not asked about it.
        let partial = match headers.is_partial_request || is_stream {
            true => state.partial(response),
            false => None,
        };
        let is_nothing =
            is_stream && partial.is_none() || is_empty && partial != Some(Partial::Htmx);
        if is_nothing || headers.is_partial_request && state.is_discarded_by_client(response) {
            return Self::without_injection(false);
        }
        let fills =
            is_readable(response) && state.may_have_messages(request, &headers, partial.as_ref());
        Self {
            counts_as_shown: true,
            injects: fills,
            partial,
        }
    }

    fn without_injection(counts_as_shown: bool) -> Self {
        Self {
            counts_as_shown,
            injects: false,
            partial: None,
        }
    }

    /// Tells whether the response can go out as it is, without waiting for anything.
    pub(crate) fn is_unchanged(&self, state: &RequestState) -> bool {
        !self.injects && !state.has_claim()
    }
}

/// Tells whether what goes into the response can be put there.
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
