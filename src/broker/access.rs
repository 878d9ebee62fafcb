//! Which requests are allowed: the token, its rights and how often it is used.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;

use crate::broker::limits::TOKEN_LIMITS;
use crate::broker::settings::Settings;
use crate::broker::tokens::{Grant, Right};
use crate::rate_limits;
use crate::web::api::problem::Problem;

/// `Retry-After` over the limit, in seconds: until its period is over.
const LIMIT_RETRY_AFTER: u64 = 60;

/// Returns what a request may do, if that includes a right.
///
/// # Errors
///
/// 401 without a valid token, 403 without the right, 429 over the limit of the token, and those of the store.
pub(super) async fn require(
    request: &HttpRequest,
    settings: &Settings,
    right: Right,
) -> Result<Grant, Problem> {
    let token = bearer(request).ok_or_else(|| {
        Problem::unauthorized("the request has no token: `Authorization: Bearer`")
    })?;
    let grant = match settings.token.as_ref().and_then(|fixed| fixed.grant(token)) {
        // The operator's own token is not limited.
        Some(grant) => grant,
        None => stored_grant(settings, token).await?,
    };
    match grant.has(right) {
        true => Ok(grant),
        false => {
            let detail = format!("the token has not the right `{right}`");
            Err(Problem::new(StatusCode::FORBIDDEN, detail))
        }
    }
}

async fn stored_grant(settings: &Settings, token: &str) -> Result<Grant, Problem> {
    let salver = &settings.salver;
    let found = salver.tokens().grant(token).await?;
    let (id, grant) =
        found.ok_or_else(|| Problem::unauthorized("the token is wrong or was revoked"))?;
    count_request(settings, &id).await?;
    Ok(grant)
}

/// Counts a request with a token that was created.
///
/// # Errors
///
/// 429 over the limit of the token, and those of the store.
pub(super) async fn count_request(settings: &Settings, id: &str) -> Result<(), Problem> {
    let (salver, what) = (&settings.salver, format!("token:{id}"));
    match rate_limits::count_call(salver, "count_request", &what, &TOKEN_LIMITS).await? {
        true => Ok(()),
        false => {
            let detail = "the token has made 600 requests within a minute";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
            Err(problem.with_retry_after(LIMIT_RETRY_AFTER))
        }
    }
}

/// Returns the token of a request. (RFC 6750)
fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
