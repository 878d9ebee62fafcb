//! Which requests may claim.

use actix_web::HttpRequest;
use actix_web::http::Method;

use crate::web::request::headers::RequestHeaders;

/// Tells whether a request may be a view at all, from what is known before the handler runs.
pub(crate) fn may_claim(request: &HttpRequest, headers: &RequestHeaders<'_>) -> bool {
    request.method() != Method::HEAD && !headers.is_speculative
}
