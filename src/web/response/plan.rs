//! What a response means for the messages of its request.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;

use crate::web::partial::{self, Part};
use crate::web::request::headers::Head;
use crate::web::request::state::Visit;
use crate::web::response::eligibility;

/// What a response means for its visit.
pub(crate) struct Ending {
    /// Whether messages rendered into it count as shown.
    pub(super) counts: bool,
    /// Whether there may be something to put into it.
    pub(super) fills: bool,
    /// Which part of a page it is, if it is one.
    pub(super) part: Option<Part>,
}

impl Ending {
    pub(crate) fn of<B: MessageBody>(visit: &Visit, response: &ServiceResponse<B>) -> Self {
        let counts = eligibility::counts(response);
        let is_empty = !counts && partial::may_be_empty(response);
        if visit.is_rendered() || !(counts || is_empty) {
            return Self::unfilled(counts && !visit.is_dropped(response));
        }
        let is_stream = partial::is_turbo_stream(response);
        if !(is_empty || is_stream || eligibility::is_html(response)) {
            return Self::unfilled(counts);
        }
        let request = response.request();
        let head = Head::of(request);
        // Most pages are asked for by nobody's script, and are not asked about it.
        let part = match head.is_of_script || is_stream {
            true => visit.part(response),
            false => None,
        };
        let is_nothing = is_stream && part.is_none() || is_empty && part != Some(Part::Htmx);
        if is_nothing || head.is_of_script && visit.is_dropped(response) {
            return Self::unfilled(false);
        }
        let fills = is_readable(response) && visit.may_show(request, &head, part.as_ref());
        Self {
            counts: true,
            fills,
            part,
        }
    }

    fn unfilled(counts: bool) -> Self {
        Self {
            counts,
            fills: false,
            part: None,
        }
    }

    /// Tells whether the response can go out as it is, without waiting for anything.
    pub(crate) fn is_plain(&self, visit: &Visit) -> bool {
        !self.fills && !visit.is_holding()
    }
}

/// Tells whether what goes into the response can be put there.
fn is_readable<B>(response: &ServiceResponse<B>) -> bool {
    static TOLD: AtomicBool = AtomicBool::new(false);

    let encoded = eligibility::is_encoded(response);
    if encoded && !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "the body is encoded before Salver sees it, so that no slot can be filled: wrap the \
             compressor outside, `.wrap(salver.middleware()).wrap(Compress::default())`"
        );
    }
    !encoded
}
