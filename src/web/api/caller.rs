//! The visitor of an API request, and JSON responses.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::SessionId;
use crate::web::api::problem::Problem;
use crate::web::request::csrf;
use crate::web::request::state::RequestState;

/// The state and the session of an API request that is not cross-origin.
pub(super) struct Caller {
    pub(super) state: Rc<RequestState>,
    pub(super) session: Option<SessionId>,
}

impl Caller {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let state = RequestState::of(request)?;
        if csrf::is_cross_origin(request) {
            return Err(Problem::cross_origin());
        }
        let session = state.session(request);
        Ok(Self { state, session })
    }
}

/// Returns a JSON response that no cache may store.
pub(crate) fn json(status: StatusCode, content: impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store, private"))
        .json(content)
}
