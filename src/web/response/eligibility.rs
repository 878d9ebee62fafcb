//! Which responses count as shown, and which can carry messages.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use actix_web::http::{Method, StatusCode};

use crate::web::response::status::SkipReason;

/// Returns whether messages rendered into this response count as shown once it has been sent.
/// Not after an error or a `HEAD` request, with an empty body, or with a status that no page has.
pub(crate) fn counts_as_shown<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    response.response().error().is_none() && is_shown(response)
}

/// Returns whether the browser shows a response. That of a failed handler can be a page, too.
pub(crate) fn is_shown<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    why_not_shown(response).is_none()
}

/// Returns why the browser does not show a response.
pub(crate) fn why_not_shown<B: MessageBody>(response: &ServiceResponse<B>) -> Option<SkipReason> {
    let inner = response.response();
    if response.request().method() == Method::HEAD {
        Some(SkipReason::HeadRequest)
    } else if !is_page(inner.status()) {
        Some(SkipReason::NotPageStatus)
    } else if is_authentication_prompt(response) {
        Some(SkipReason::AuthenticationPrompt)
    } else if matches!(inner.body().size(), BodySize::None | BodySize::Sized(0)) {
        Some(SkipReason::EmptyBody)
    } else {
        None
    }
}

/// Returns whether a status is that of a page. Client errors are pages, except 404: a form that is
/// shown again with its errors has status 422.
fn is_page(status: StatusCode) -> bool {
    match status.as_u16() {
        204..=206 => false,
        200..=299 => true,
        404 => false,
        400..=499 => true,
        _ => false,
    }
}

/// Returns whether the browser asks for credentials instead of showing the response.
fn is_authentication_prompt<B>(response: &ServiceResponse<B>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        && response.headers().contains_key(header::WWW_AUTHENTICATE)
}

/// Returns whether the browser saves the response instead of showing it.
pub(crate) fn is_download<B>(response: &ServiceResponse<B>) -> bool {
    let disposition = response.headers().get(header::CONTENT_DISPOSITION);
    disposition.is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next();
        // Browsers treat every type but `inline` as `attachment` (RFC 6266, section 4.2).
        !kind
            .unwrap_or_default()
            .trim_ascii()
            .eq_ignore_ascii_case(b"inline")
    })
}

/// Returns whether browsers decide by the first bytes of a response without `Content-Type`.
pub(crate) fn is_sniffed<B>(response: &ServiceResponse<B>) -> bool {
    let options = response.headers().get(header::X_CONTENT_TYPE_OPTIONS);
    !options.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"nosniff"))
}

/// The media type of a response, without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Html,
    TurboStream,
    Other,
    /// The response has no `Content-Type`.
    Missing,
}

impl MediaType {
    pub(crate) fn of<B>(response: &ServiceResponse<B>) -> Self {
        let Some(value) = response.headers().get(header::CONTENT_TYPE) else {
            return Self::Missing;
        };
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        let essence = essence.unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"text/html") {
            Self::Html
        } else if essence.eq_ignore_ascii_case(b"text/vnd.turbo-stream.html") {
            Self::TurboStream
        } else {
            Self::Other
        }
    }
}

/// Returns whether the body is already compressed, so that the slot cannot be found in it.
pub(crate) fn is_encoded<B>(response: &ServiceResponse<B>) -> bool {
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    encoding.is_some_and(|encoding| encoding != "identity")
}
