//! Which requests may claim, and which responses count as shown.

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};

/// Headers by which browsers, past and present, say that nobody looks at the page yet.
const AHEAD: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("x-sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
];
/// What those headers say then.
const AHEAD_WORDS: [&str; 2] = ["prefetch", "prerender"];
/// The header that says what a page is fetched for.
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// What a page may be fetched for; anything else (an image, a script) shows no messages.
const DESTINATIONS: [&str; 4] = ["document", "iframe", "frame", "empty"];

/// Tells whether a request may be a view at all, from what is known before the handler runs.
pub(crate) fn may_claim(request: &HttpRequest) -> bool {
    if request.method() == Method::HEAD {
        return false;
    }
    let value = |name: &HeaderName| {
        let value = request.headers().get(name);
        value.map(HeaderValue::as_bytes).unwrap_or_default()
    };
    let ahead = |name| AHEAD_WORDS.iter().any(|word| contains(value(name), word));
    let destination = value(&DESTINATION);
    let is_page = |page: &str| destination.eq_ignore_ascii_case(page.as_bytes());
    !AHEAD.iter().any(ahead) && (destination.is_empty() || DESTINATIONS.into_iter().any(is_page))
}

/// Tells whether a word stands somewhere in a value, in letters of any case.
fn contains(value: &[u8], word: &str) -> bool {
    let mut windows = value.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Tells whether messages rendered into this response count as shown once it has been handed over.
pub(crate) fn counts<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let head = response.response();
    head.error().is_none()
        && response.request().method() != Method::HEAD
        && is_page(head.status())
        && !matches!(head.body().size(), BodySize::None | BodySize::Sized(0))
}

/// A form that is shown again with what is wrong in it, status 422, is a page.
fn is_page(status: StatusCode) -> bool {
    match status.as_u16() {
        204..=206 => false,
        200..=299 => true,
        404 => false,
        400..=499 => true,
        _ => false,
    }
}

/// Tells whether a response is HTML.
pub(crate) fn is_html<B>(response: &ServiceResponse<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html")
}

/// Tells whether the body is encoded already, so that the slot cannot be seen in it.
pub(crate) fn is_encoded<B>(response: &ServiceResponse<B>) -> bool {
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    encoding.is_some_and(|encoding| encoding != "identity")
}
