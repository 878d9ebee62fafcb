//! Which requests may claim.

use actix_web::HttpRequest;
use actix_web::http::Method;

use crate::web::request::headers::RequestHeaders;

/// Returns whether a request may claim messages, as far as its method and headers decide it. `HEAD`
/// and speculative requests may not.
pub(crate) fn may_claim(request: &HttpRequest, headers: &RequestHeaders) -> bool {
    request.method() != Method::HEAD && !headers.is_speculative
}
