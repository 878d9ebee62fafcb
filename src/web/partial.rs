//! Partials: responses that htmx or Turbo swaps into an open page. They carry the messages of that
//! page.
//!
//! Headers and elements are those of the references of htmx ("Reference", htmx.org) and Turbo
//! ("Streams", "Frames", turbo.hotwired.dev).

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, REFERER};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::View;
use crate::web::response::eligibility::MediaType;
use crate::web::response::html::Target;
use crate::web::response::inject::InsertionPoint;
use crate::web::view::page_url::PageUrl;

/// Request header with the view of the requesting page, percent-encoded.
const VIEW: HeaderName = HeaderName::from_static("salver-view");
/// Request header of htmx. All names here are constants, because a lookup by a string allocates.
const HTMX: HeaderName = HeaderName::from_static("hx-request");
/// Request header of a boosted link or form, which loads a whole page.
const BOOSTED: HeaderName = HeaderName::from_static("hx-boosted");
/// Request header with the element that htmx replaces: its `id` (htmx 2, if it has one), or its name
/// and `id` (htmx 4).
const TARGET: HeaderName = HeaderName::from_static("hx-target");
/// Request header for a page that is missing from the history cache of htmx.
const RESTORED: HeaderName = HeaderName::from_static("hx-history-restore-request");
/// Request header that only htmx 4 and later send.
const REQUEST_TYPE: HeaderName = HeaderName::from_static("hx-request-type");
/// Request header with the URL of the requesting page.
const CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
/// Request header of Turbo with the `id` of the requested frame.
const FRAME: HeaderName = HeaderName::from_static("turbo-frame");
/// Response headers with which htmx loads another page and swaps nothing.
const NAVIGATION_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("hx-redirect"),
    HeaderName::from_static("hx-location"),
    HeaderName::from_static("hx-refresh"),
];

/// How a script in the page uses a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Partial {
    /// htmx swaps the elements with `hx-swap-oob` out of band.
    Htmx,
    /// Turbo executes the `<turbo-stream>` elements.
    Stream,
    /// Turbo extracts the frame with this `id` and drops the rest.
    Frame(Bytes),
}

impl Partial {
    /// Returns the kind of partial that a response is; `None` for a page that a browser loads.
    pub(crate) fn of<B: MessageBody>(
        response: &ServiceResponse<B>,
        media_type: MediaType,
    ) -> Option<Self> {
        if media_type == MediaType::TurboStream {
            return Some(Self::Stream);
        }
        let request = response.request().headers();
        if let Some(frame) = request.get(FRAME) {
            return Some(Self::Frame(Bytes::copy_from_slice(frame.as_bytes())));
        }
        let is_swapped = !may_be_empty(response, media_type) || !is_htmx_4(request);
        (is_htmx_partial(request) && is_swapped).then_some(Self::Htmx)
    }

    /// Returns where the messages are inserted into the response.
    pub(crate) fn insertion_point(&self) -> InsertionPoint {
        match self {
            Self::Htmx | Self::Stream => InsertionPoint::End,
            Self::Frame(id) => InsertionPoint::In(Target::Frame(id.clone())),
        }
    }

    /// Wraps the messages in an element that the script swaps into the slot.
    pub(crate) fn wrap(&self, fragment: &str) -> String {
        match self {
            Self::Htmx => out_of_band("beforeend", fragment),
            Self::Stream | Self::Frame(_) => format!(
                r#"<turbo-stream action="append" targets="salver-messages"><template>{fragment}</template></turbo-stream>"#
            ),
        }
    }
}

/// Returns whether htmx requests a partial. For a boosted link, unless it replaces another element
/// than the body, and for a missing history entry, it requests a page.
fn is_htmx_partial(request: &HeaderMap) -> bool {
    let is_true = |name: HeaderName| request.get(name).is_some_and(|value| value == "true");
    let loads_page = || is_true(BOOSTED) && !has_target(request);
    is_true(HTMX) && !loads_page() && !is_true(RESTORED)
}

fn has_target(request: &HeaderMap) -> bool {
    let target = request.get(TARGET).map(|target| target.as_bytes());
    let name = target.and_then(|target| target.split(|byte| *byte == b'#').next());
    name.is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"body"))
}

/// Returns whether htmx 4 or later sent the request. These versions swap error responses too. If a
/// response contains only out-of-band elements, they leave the target unchanged.
fn is_htmx_4(request: &HeaderMap) -> bool {
    request.contains_key(REQUEST_TYPE)
}

/// Wraps the second copy of the messages of a page that htmx requested: htmx swaps in the whole page,
/// or an element selected from it. htmx 4 morphs the body and then appends out of band, so that a slot
/// that it keeps would contain both copies: there the second one replaces the first.
pub(crate) fn wrap_copy(request: &HttpRequest, fragment: &str) -> String {
    let headers = request.headers();
    let position = match is_htmx_4(headers) && !has_target(headers) {
        true => "innerHTML",
        false => "beforeend",
    };
    out_of_band(position, fragment)
}

/// Returns an element that htmx swaps into the slot.
fn out_of_band(position: &str, fragment: &str) -> String {
    format!(r#"<div hx-swap-oob="{position}:salver-messages">{fragment}</div>"#)
}

/// Returns whether htmx sent the request and discards the response: an error response, or a
/// navigation to another page.
pub(crate) fn is_discarded_by_htmx<B>(response: &ServiceResponse<B>) -> bool {
    let request = response.request().headers();
    let navigates = || {
        NAVIGATION_HEADERS
            .iter()
            .any(|name| response.headers().contains_key(name))
    };
    request.contains_key(HTMX)
        && (navigates() || !response.status().is_success() && !is_htmx_4(request))
}

/// Returns whether a response has an empty body into which messages can be inserted, such as after
/// a deletion.
pub(crate) fn may_be_empty<B: MessageBody>(
    response: &ServiceResponse<B>,
    media_type: MediaType,
) -> bool {
    matches!(
        response.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    ) && response.status() == StatusCode::OK
        && matches!(media_type, MediaType::Html | MediaType::Missing)
}

/// Returns the view of the requesting page, if the request names it: by `Salver-View`,
/// `HX-Current-URL` or `Referer`. `find` returns the view of the page at a URL.
pub(crate) fn requesting_page(
    request: &HttpRequest,
    find: impl FnOnce(&PageUrl) -> Option<View>,
) -> Option<View> {
    let text = |name: HeaderName| str::from_utf8(request.headers().get(name)?.as_bytes()).ok();
    if let Some(view) = text(VIEW) {
        return View::new(percent_decode_str(view).decode_utf8().ok()?).ok();
    }
    // Encodes what is not encoded, as a browser does when it requests the page.
    let url = Url::parse(text(CURRENT_URL).or_else(|| text(REFERER))?).ok()?;
    find(&PageUrl::new(&url)?)
}
