//! `GET count`: counts the visible messages of a view.

use actix_web::http::StatusCode;
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use crate::web::api::caller::{self, Caller};
use crate::web::api::problem::Problem;
use crate::{Error, View};

/// The query string.
#[derive(Deserialize)]
pub(crate) struct CountQuery {
    view: Option<String>,
}

/// Returns the number of messages that a page of the view would show. Changes nothing.
pub(crate) async fn count(
    request: HttpRequest,
    query: Result<Query<CountQuery>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let Caller { state, session } = Caller::of(&request)?;
    let view = query.ok().and_then(|query| query.into_inner().view);
    let view = view.ok_or_else(|| Error::invalid("view", "is missing"))?;
    let view = View::new(view)?;
    let count = match session {
        Some(session) => {
            state.move_returned_messages().await;
            let salver = &state.app_state.salver;
            salver.peek(&salver.context_for(session, view)).await?.len()
        }
        None => 0,
    };
    Ok(caller::json(StatusCode::OK, json!({ "count": count })))
}
