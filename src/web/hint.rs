//! The hint: a cookie that says "this visitor has just done something, ask".
//!
//! What a request adds is known to its own process at once and to the others about a millisecond later; a
//! redirect can be faster. The hint is the same for everybody and says nothing about anybody.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::cookies::cookies;

const SECURE_NAME: &str = "__Host-salver-hint";
const PLAIN_NAME: &str = "salver-hint";
/// How long pages ask because of it: as long as a redirect may take, and not for the rest of the visit.
const LIFE: Duration = Duration::seconds(5);

/// Bakes the hint.
pub(super) fn bake(secure: bool) -> Cookie<'static> {
    Cookie::build(if secure { SECURE_NAME } else { PLAIN_NAME }, "1")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(LIFE)
        .finish()
}

/// Tells whether a request brings it. By either name: at worst a page asks that need not.
pub(super) fn is_given(request: &HttpRequest) -> bool {
    let mut cookies = cookies(request);
    cookies.any(|cookie| {
        let name = cookie.strip_prefix(b"__Host-").unwrap_or(cookie);
        name.strip_prefix(PLAIN_NAME.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"="))
    })
}
