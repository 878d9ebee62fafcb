//! The hint: a cookie that says "this visitor has just done something, ask".
//!
//! What a request adds is known to its own process at once and to the others about a millisecond later; a
//! redirect can be faster. The hint is the same for everybody and says nothing about anybody.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::web::session::cookies::{PLAIN_HINT, SECURE_HINT};

/// How long pages ask because of it: as long as a redirect may take, and not for the rest of the visit.
const MAX_AGE: Duration = Duration::seconds(5);

/// Bakes the hint.
pub(crate) fn build_cookie(secure: bool) -> Cookie<'static> {
    Cookie::build(if secure { SECURE_HINT } else { PLAIN_HINT }, "1")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(MAX_AGE)
        .finish()
}
