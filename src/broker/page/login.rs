//! `POST /login` and `POST /logout`, and the form by which an operator logs in.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use crate::broker::access;
use crate::broker::body;
use crate::broker::limits::{LOGIN_LIMITS, MAX_FORM_BYTES, SESSION_TTL};
use crate::broker::page::caller::{cookie, is_operator, require_same_origin, session_cookie};
use crate::broker::page::document::{html, page, respond, see_home};
use crate::broker::page::outcome::Outcome;
use crate::broker::page::session;
use crate::broker::page::settings::PageSettings;
use crate::broker::tokens::KnownToken;
use crate::rate_limits::{self, network};
use crate::render::Escaped;
use crate::web::api::problem::Problem;

/// Why a login is refused.
const WRONG: &str = "The token is wrong or was revoked.";
const LACKS_RIGHTS: &str = "The token needs the rights `endpoints` and `deliveries`.";
/// `Retry-After` over the limit, in seconds: until its period is over.
const LIMIT_RETRY_AFTER: u64 = 600;

/// Begins a session.
pub(super) async fn log_in(
    request: HttpRequest,
    payload: Payload,
    settings: Data<PageSettings>,
) -> HttpResponse {
    let response = async {
        require_same_origin(&request)?;
        count_login(&request, &settings).await?;
        let body = body::read(&request, payload, MAX_FORM_BYTES).await?;
        let mut fields = form_urlencoded::parse(&body);
        let token = fields.find(|(name, _)| name == "token");
        let token = token.map(|(_, token)| token.trim().to_owned());
        let found = find_token(&settings, &token.unwrap_or_default()).await?;
        let Some(found) = found else {
            return Ok(refuse(&settings, StatusCode::UNAUTHORIZED, WRONG));
        };
        if !is_operator(&found.grant) {
            return Ok(refuse(&settings, StatusCode::FORBIDDEN, LACKS_RIGHTS));
        }
        let pair = (
            session_cookie(&request, &settings),
            session::begin(&settings.broker, &found)?,
        );
        let cookie = cookie(&request, &settings, pair, SESSION_TTL.as_secs());
        Ok(see_home(&settings).cookie(cookie).finish())
    };
    respond(&settings, response.await)
}

/// Ends the session of this browser.
pub(super) async fn log_out(request: HttpRequest, settings: Data<PageSettings>) -> HttpResponse {
    let response = require_same_origin(&request).map(|()| {
        let pair = (session_cookie(&request, &settings), String::new());
        let removal = cookie(&request, &settings, pair, 0);
        let mut response = Outcome::LoggedOut.respond(&request, &settings);
        // A cookie that was built here is valid.
        let _ = response.add_cookie(&removal);
        response
    });
    respond(&settings, response)
}

/// Counts a login of the network address of a request.
async fn count_login(request: &HttpRequest, settings: &PageSettings) -> Result<(), Problem> {
    let address = request.peer_addr().map(|peer| peer.ip());
    let what = format!("broker-login:{}", address.map_or_else(String::new, network));
    let salver = &settings.broker.salver;
    match rate_limits::count_call(salver, "count_login", &what, &LOGIN_LIMITS).await? {
        true => Ok(()),
        false => {
            let detail = "there were 20 logins from this network address within 10 minutes";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
            Err(problem.with_retry_after(LIMIT_RETRY_AFTER))
        }
    }
}

async fn find_token(settings: &PageSettings, token: &str) -> Result<Option<KnownToken>, Problem> {
    let settings = &settings.broker;
    let fixed = settings.token.as_ref();
    if let Some(fixed) = fixed.filter(|fixed| fixed.grant(token).is_some()) {
        return Ok(Some(fixed.known()));
    }
    let tokens = settings.salver.tokens();
    let Some((id, _)) = tokens.grant(token).await? else {
        return Ok(None);
    };
    access::count_request(settings, &id).await?;
    Ok(tokens.known(&id).await?)
}

fn refuse(settings: &PageSettings, status: StatusCode, reason: &str) -> HttpResponse {
    let title = format!("Error: {}", settings.title());
    page(status).body(html(settings, &title, &form(settings, None, Some(reason))))
}

/// Returns the page by which an operator logs in.
pub(super) fn form(
    settings: &PageSettings,
    outcome: Option<Outcome>,
    error: Option<&str>,
) -> String {
    let outcome = outcome.map_or_else(String::new, |outcome| {
        format!(r#"<p role="status">{}</p>"#, Escaped(&outcome.text()))
    });
    let (invalid, error) = match error {
        Some(error) => (
            r#" aria-invalid="true" aria-describedby="error""#,
            format!(
                r#"<p id="error" class="error" role="alert">{}</p>"#,
                Escaped(error)
            ),
        ),
        None => ("", String::new()),
    };
    format!(
        concat!(
            r#"<main class="salver-narrow"><h1>{title}</h1>{outcome}<p>Log in with the token of the operator, or with one that has the rights <code>endpoints</code> and <code>deliveries</code>.</p>"#,
            r#"{error}<form method="post" action="{base}/login"><label>Token <input name="token" type="password" autocomplete="current-password" spellcheck="false" required{invalid}></label>"#,
            r#"<button class="salver-primary">Log in</button></form></main>"#,
        ),
        title = Escaped(&settings.title()),
        outcome = outcome,
        error = error,
        base = Escaped(&settings.base),
        invalid = invalid,
    )
}
