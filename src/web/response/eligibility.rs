//! Which responses count as shown.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};

/// Tells whether messages rendered into this response count as shown once it has been handed over.
pub(crate) fn counts_as_shown<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let headers = response.response();
    headers.error().is_none()
        && response.request().method() != Method::HEAD
        && is_page(headers.status())
        && !matches!(headers.body().size(), BodySize::None | BodySize::Sized(0))
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
    has_media_type(response, b"text/html")
}

/// Tells whether a response is of this media type, whatever its parameters.
pub(crate) fn has_media_type<B>(response: &ServiceResponse<B>, media_type: &[u8]) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next();
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(media_type))
}

/// Tells whether the body is encoded already, so that the slot cannot be seen in it.
pub(crate) fn is_encoded<B>(response: &ServiceResponse<B>) -> bool {
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    encoding.is_some_and(|encoding| encoding != "identity")
}
