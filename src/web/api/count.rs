//! How many messages are pending.

use actix_web::http::StatusCode;
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use crate::web::api::caller::{self, Caller};
use crate::web::api::problem::Problem;
use crate::{Error, View};

/// Of which view.
#[derive(Deserialize)]
pub(crate) struct CountQuery {
    view: Option<String>,
}

/// Counts what a page of a view would show, and changes nothing.
pub(crate) async fn count(
    request: HttpRequest,
    request_body: Result<Query<CountQuery>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let Caller { state, session } = Caller::of(&request)?;
    let view = request_body
        .ok()
        .and_then(|request_body| request_body.into_inner().view);
    let view = view.ok_or_else(|| Error::invalid("view", "is missing"))?;
    let view = View::new(view)?;
    let count = match session {
        Some(session) => {
            let salver = &state.app_state.salver;
            salver.peek(&salver.context_for(session, view)).await?.len()
        }
        None => 0,
    };
    Ok(caller::json(StatusCode::OK, json!({ "count": count })))
}
