//! The hint cookie: it makes the visitor's next requests query the store instead of using the
//! index.
//!
//! An add is known to its own process immediately, and to other processes about a millisecond
//! later. A redirect can be faster. The cookie has the same value for all visitors and identifies
//! none of them.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::web::session::cookies::{PLAIN_HINT, SECURE_HINT};

/// Lifetime of the cookie: long enough for a redirect, short enough not to affect later pages.
const MAX_AGE: Duration = Duration::seconds(5);

/// Builds the hint cookie.
pub(crate) fn build_cookie(secure: bool) -> Cookie<'static> {
    Cookie::build(if secure { SECURE_HINT } else { PLAIN_HINT }, "1")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(MAX_AGE)
        .finish()
}
