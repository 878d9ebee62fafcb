//! Responses to a browser whose request cannot be fulfilled.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};

use crate::Error;
use crate::inbox::web::caller::{html, see_other, wants_json};
use crate::inbox::web::page::PageOf;
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::web::api::problem::Problem;
use crate::web::request::state::RequestState;

/// The list that a visitor wants to see.
pub(super) struct Destination<'a> {
    pub(super) settings: &'a Settings,
    /// The path of the inbox.
    pub(super) base: &'a str,
    pub(super) selection: &'a Selection,
    /// The query string of the list.
    pub(super) query: &'a str,
}

/// Returns the response to a browser: a page or a redirect for a visitor who is not logged in, and
/// a page with a link to the list while the store does not reply.
///
/// # Errors
///
/// The error for requests that no page of this crate sends, and for scripts.
pub(super) fn refuse(
    request: &HttpRequest,
    error: Error,
    to: &Destination<'_>,
) -> Result<HttpResponse, Problem> {
    let failed = |page: &PageOf<'_>| page.failed(to.selection, to.query);
    refuse_with(request, error, (to.settings, to.base), failed)
}

/// Returns the response as [`refuse`] does, with another page while the store does not reply.
///
/// # Errors
///
/// As [`refuse`].
pub(super) fn refuse_with(
    request: &HttpRequest,
    error: Error,
    (settings, base): (&Settings, &str),
    failed: impl Fn(&PageOf<'_>) -> String,
) -> Result<HttpResponse, Problem> {
    let status = error.status_code();
    let is_answered = error.is_anonymous() || status.is_server_error();
    if wants_json(request) || !is_answered {
        return Err(error.into());
    }
    let state = RequestState::of(request)?;
    let page = PageOf::new(request, &state, settings, base);
    let mut response = HttpResponseBuilder::new(status);
    if let Some(seconds) = error.retry_after_seconds() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if error.is_anonymous() {
        return Ok(match &settings.login {
            Some(path) => see_other(path),
            None => html(response, page.anonymous()),
        });
    }
    tracing::warn!(%error, "the inbox cannot be reached; its page shows an error");
    Ok(html(response, failed(&page)))
}
