//! `GET counts`: the counts of the badge.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use crate::inbox::web::caller::Caller;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;

pub(super) async fn counts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request)?;
    Ok(json(StatusCode::OK, caller.inbox.counts().await?))
}
