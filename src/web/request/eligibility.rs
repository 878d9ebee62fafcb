//! Which requests may claim.

use actix_web::HttpRequest;
use actix_web::http::Method;

use crate::web::request::headers::RequestHeaders;
use crate::web::response::status::SkipReason;

/// Returns why a request may not claim messages, as far as its method and headers decide it.
pub(crate) fn why_not_claiming(
    request: &HttpRequest,
    headers: &RequestHeaders,
) -> Option<SkipReason> {
    if request.method() == Method::HEAD {
        Some(SkipReason::HeadRequest)
    } else if headers.is_speculative {
        Some(SkipReason::NotPageRequest)
    } else {
        None
    }
}
