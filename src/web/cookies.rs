//! The cookies that a request brings.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};

/// Tells whether a request brings any cookie; without one there is nothing to read.
pub(crate) fn has_cookies(request: &HttpRequest) -> bool {
    HttpMessage::headers(request).contains_key(header::COOKIE)
}

/// Gives the cookies that a request brings, each as `name=value`.
pub(super) fn cookies(request: &HttpRequest) -> impl Iterator<Item = &[u8]> {
    let headers = request.headers().get_all(header::COOKIE);
    let cookies = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    cookies.map(<[u8]>::trim_ascii_start)
}

/// Gives the value of a cookie of this name. As bytes: one neighbour that is not UTF-8 hides nobody else.
pub(super) fn value<'a>(cookie: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = cookie.strip_prefix(name)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}
