//! Parts of a page, asked for by htmx or Turbo: with them come the messages of the page that is open.
//!
//! Headers and elements as in the references of htmx ("Reference", htmx.org) and of Turbo ("Streams", "Frames",
//! turbo.hotwired.dev).

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, REFERER};
use actix_web::http::{StatusCode, Uri};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::View;
use crate::web::response::eligibility;
use crate::web::response::inject::InsertionPoint;
use crate::web::view::cache::ViewCache;
use crate::web::view::source::ViewSource;

/// By this a page says which view it is, percent-encoded.
const VIEW: HeaderName = HeaderName::from_static("salver-view");
/// What htmx says of a request. Names that are known beforehand: to look one up by its letters allocates.
const HTMX: HeaderName = HeaderName::from_static("hx-request");
const BOOSTED: HeaderName = HeaderName::from_static("hx-boosted");
const RESTORED: HeaderName = HeaderName::from_static("hx-history-restore-request");
const REQUEST_TYPE: HeaderName = HeaderName::from_static("hx-request-type");
const CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
/// By this Turbo asks for a frame.
const FRAME: HeaderName = HeaderName::from_static("turbo-frame");
/// By these htmx goes to another page, and takes nothing in.
const NAVIGATION_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("hx-redirect"),
    HeaderName::from_static("hx-location"),
    HeaderName::from_static("hx-refresh"),
];

/// What a script in the page makes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Partial {
    /// htmx puts in what is marked as out of band.
    Htmx,
    /// Turbo does what the elements of a stream say.
    Stream,
    /// Turbo takes the frame of this name out of it, and drops the rest.
    Frame(Bytes),
}

impl Partial {
    /// Tells which part a response is, if it is not a page that a browser loads.
    pub(crate) fn of<B: MessageBody>(response: &ServiceResponse<B>) -> Option<Self> {
        if is_turbo_stream(response) {
            return Some(Self::Stream);
        }
        let request = response.request().headers();
        if let Some(frame) = request.get(FRAME) {
            return Some(Self::Frame(Bytes::copy_from_slice(frame.as_bytes())));
        }
        let is_taken_in = !may_be_empty(response) || !is_htmx_4(request);
        (is_htmx_partial(request) && is_taken_in).then_some(Self::Htmx)
    }

    /// Tells where in the response the messages go.
    pub(crate) fn insertion_point(&self) -> InsertionPoint {
        match self {
            Self::Htmx | Self::Stream => InsertionPoint::End,
            Self::Frame(id) => InsertionPoint::Frame(id.clone()),
        }
    }

    /// Puts the messages into what the script takes in.
    pub(crate) fn wrap(&self, fragment: &str) -> String {
        match self {
            Self::Htmx => {
                format!(r#"<div hx-swap-oob="beforeend:salver-messages">{fragment}</div>"#)
            }
            Self::Stream | Self::Frame(_) => format!(
                r#"<turbo-stream action="append" targets="salver-messages"><template>{fragment}</template></turbo-stream>"#
            ),
        }
    }
}

/// Tells whether htmx asks for a part: not for a whole page, by a boosted link or because it has forgotten one.
fn is_htmx_partial(request: &HeaderMap) -> bool {
    let says = |name: HeaderName| request.get(name).is_some_and(|value| value == "true");
    says(HTMX) && !says(BOOSTED) && !says(RESTORED)
}

/// Tells whether it is htmx 4 or later that asks: it takes errors in, and does nothing where all that comes is out of
/// band.
fn is_htmx_4(request: &HeaderMap) -> bool {
    request.contains_key(REQUEST_TYPE)
}

/// Tells whether htmx has asked, and drops the answer: as an error, or because it goes to another page.
pub(crate) fn is_discarded_by_htmx<B>(response: &ServiceResponse<B>) -> bool {
    let request = response.request().headers();
    let leaves = || {
        NAVIGATION_HEADERS
            .iter()
            .any(|name| response.headers().contains_key(name))
    };
    request.contains_key(HTMX)
        && (leaves() || !response.status().is_success() && !is_htmx_4(request))
}

/// Tells whether a response is a Turbo stream.
pub(crate) fn is_turbo_stream<B>(response: &ServiceResponse<B>) -> bool {
    eligibility::has_media_type(response, b"text/vnd.turbo-stream.html")
}

/// Tells whether a response has nothing in it, and messages could be put there: what was asked for is done, or gone.
pub(crate) fn may_be_empty<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    matches!(
        response.response().body().size(),
        BodySize::None | BodySize::Sized(0)
    ) && response.status() == StatusCode::OK
        && (eligibility::is_html(response) || !response.headers().contains_key(CONTENT_TYPE))
}

/// Gives the view of the page that asks, as far as it says so: by its script, by htmx, or as Turbo's browser does.
pub(crate) fn requesting_page(
    request: &HttpRequest,
    source: &ViewSource,
    view_cache: &ViewCache,
) -> Option<View> {
    let text = |name: HeaderName| request.headers().get(name)?.to_str().ok();
    if let Some(view) = text(VIEW) {
        return View::new(percent_decode_str(view).decode_utf8().ok()?).ok();
    }
    let url = text(CURRENT_URL).or_else(|| text(REFERER))?;
    source.find_page(request, &url.parse::<Uri>().ok()?, view_cache)
}
