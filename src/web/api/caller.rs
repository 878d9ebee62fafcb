//! Who asks, and how it is answered.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::SessionId;
use crate::web::api::problem::Problem;
use crate::web::request::csrf;
use crate::web::request::state::Visit;

/// Whose request it is, if a page of this site makes it.
pub(super) struct Caller {
    pub(super) visit: Rc<Visit>,
    pub(super) session: Option<SessionId>,
}

impl Caller {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let visit = Visit::of(request)?;
        if csrf::is_foreign(request) {
            return Err(Problem::foreign());
        }
        let session = visit.visitor.session(request);
        Ok(Self { visit, session })
    }
}

/// Answers with JSON that no cache may keep.
pub(super) fn json(status: StatusCode, content: impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store, private"))
        .json(content)
}
