//! `POST confirm`: removes the messages that a page shows.

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use crate::web::api::caller::Caller;
use crate::web::api::problem::Problem;
use crate::{Error, MessageId, View};

/// Maximum number of ids in one request, more than one page shows. Bounds the work of one request.
const MAX_IDS: usize = 256;

/// The request body.
#[derive(Deserialize)]
pub(crate) struct ConfirmRequest {
    view: String,
    ids: Vec<MessageId>,
}

/// Removes the messages from the view and from [`View::ANY`], in the visitor's own session only.
pub(crate) async fn confirm(
    request: HttpRequest,
    body: Json<ConfirmRequest>,
) -> Result<HttpResponse, Problem> {
    let Caller { state, session } = Caller::of(&request)?;
    let ConfirmRequest { view, ids } = body.into_inner();
    let view = View::try_from(view)?;
    if ids.len() > MAX_IDS {
        return Err(Error::invalid("ids", format!("are more than {MAX_IDS}")).into());
    }
    if let Some(session) = session {
        let salver = &state.app_state.salver;
        let context = salver.context_for(session, view);
        salver.confirm_by_ids(&context, ids).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
