//! The recipient of a request and their inbox.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, LOCATION, VARY, X_FRAME_OPTIONS};
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use crate::web::api::problem::Problem;
use crate::web::request::csrf;
use crate::web::request::state::RequestState;
use crate::{Error, Inbox, Recipient};

/// The state of a request and the inbox of its recipient.
pub(super) struct Caller {
    pub(super) state: Rc<RequestState>,
    pub(super) inbox: Inbox,
}

impl Caller {
    /// Returns the caller of a request that changes nothing.
    ///
    /// # Errors
    ///
    /// `is_anonymous` without a recipient, `is_misconfigured` without Salver's middleware.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Error> {
        let state = RequestState::of(request)?;
        let recipient = state.app_state.recipient.find(request);
        let recipient = recipient.ok_or_else(Error::anonymous)?;
        recipient.validate().map_err(|cause| {
            tracing::error!(error = %cause, "the recipient of a request is invalid; the request fails");
            Error::misconfigured("the recipient of the request is invalid").with_source(cause)
        })?;
        let inbox = state.app_state.salver.inbox(&recipient);
        Ok(Self { state, inbox })
    }
}

/// Checks that a request that changes something comes from a page of this origin.
pub(super) fn require_same_origin(request: &HttpRequest) -> Result<(), Problem> {
    match csrf::is_cross_origin(request) {
        true => Err(Problem::cross_origin()),
        false => Ok(()),
    }
}

impl FromRequest for Inbox {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    /// Returns the inbox of the recipient of the request. It works on any runtime.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let recipient = Recipient::from_request(request, payload).into_inner();
        ready(recipient.and_then(|recipient| {
            let state = RequestState::of(request)?;
            Ok(state.app_state.salver.detached().inbox(&recipient))
        }))
    }
}

/// Returns whether a client prefers JSON to HTML.
pub(super) fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("json") && !accept.contains("text/html"))
}

/// Returns the path of the inbox, of which the path of the request is a part; empty at the root of the site.
pub(super) fn base_path(request: &HttpRequest, route: &str) -> String {
    let path = request.path().trim_end_matches('/');
    path.strip_suffix(route).unwrap_or(path).to_owned()
}

/// Returns the path of the list. An empty URL would be that of the request.
pub(super) fn list_path(base: &str) -> &str {
    match base {
        "" => "/",
        base => base,
    }
}

/// Returns a redirect after a form or a link.
pub(super) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store, private"))
        .finish()
}

/// Returns HTML that no cache may store.
pub(super) fn html(mut response: actix_web::HttpResponseBuilder, body: String) -> HttpResponse {
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store, private"))
        .insert_header((VARY, "Accept"))
        // A page of another site must not lead a person to the buttons of this one.
        .insert_header((X_FRAME_OPTIONS, "SAMEORIGIN"))
        .body(body)
}
