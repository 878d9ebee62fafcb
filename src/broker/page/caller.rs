//! The operator of a request, and the cookies of the page.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use sha2::{Digest, Sha256};

use crate::broker::access;
use crate::broker::page::session;
use crate::broker::page::settings::PageSettings;
use crate::broker::tokens::{Grant, KnownToken, Right};
use crate::web::api::problem::Problem;
use crate::web::request::csrf;

/// Returns the token of the session of a request; `None` without a session.
///
/// # Errors
///
/// 429 over the limit of the token, and those of the store.
pub(super) async fn find(
    request: &HttpRequest,
    settings: &PageSettings,
) -> Result<Option<KnownToken>, Problem> {
    let Some(cookie) = request.cookie(&session_cookie(request, settings)) else {
        return Ok(None);
    };
    let token = session::find(&settings.broker, cookie.value()).await?;
    let token = token.filter(|token| is_operator(&token.grant));
    if let Some(token) = &token
        && !token.grant.is_operator()
    {
        access::count_request(&settings.broker, &token.id).await?;
    }
    Ok(token)
}

/// Returns whether a token may use the page.
pub(super) fn is_operator(grant: &Grant) -> bool {
    grant.has(Right::Endpoints) && grant.has(Right::Deliveries)
}

/// Checks that a form was sent by a page of this origin. The cookie is not sent by those of other sites either.
///
/// # Errors
///
/// 403 for one of another origin.
pub(super) fn require_same_origin(request: &HttpRequest) -> Result<(), Problem> {
    match csrf::is_cross_origin(request) {
        true => Err(Problem::cross_origin()),
        false => Ok(()),
    }
}

/// Returns the name of the cookie of the session.
pub(super) fn session_cookie(request: &HttpRequest, settings: &PageSettings) -> String {
    cookie_name(request, settings, "session")
}

/// Returns the name of a cookie. Brokers of several applications may share a host.
pub(super) fn cookie_name(request: &HttpRequest, settings: &PageSettings, what: &str) -> String {
    let digest = Sha256::digest(settings.broker.salver.app());
    let app: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Browsers accept the prefix only over TLS and from this host.
    let prefix = match needs_tls(request, settings) {
        true => "__Host-",
        false => "",
    };
    format!("{prefix}salver-broker-{what}-{app}")
}

/// Returns a cookie of the page.
pub(super) fn cookie(
    request: &HttpRequest,
    settings: &PageSettings,
    (name, value): (String, String),
    seconds: u64,
) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(needs_tls(request, settings))
        .max_age(CookieDuration::seconds(
            i64::try_from(seconds).unwrap_or_default(),
        ))
        .finish()
}

/// Returns whether the cookies of the page need TLS.
fn needs_tls(request: &HttpRequest, settings: &PageSettings) -> bool {
    let site = settings.broker.salver.config().mail.site.as_deref();
    request.connection_info().scheme() == "https"
        || site.is_some_and(|site| site.starts_with("https:"))
}
