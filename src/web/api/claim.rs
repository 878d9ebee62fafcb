//! What is pending for a view.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::web::api::caller::{Caller, json};
use crate::web::api::problem::Problem;
use crate::web::request::eligibility;
use crate::web::request::headers::RequestHeaders;
use crate::{Message, View};

/// Of which view.
#[derive(Deserialize)]
pub(crate) struct ViewRequest {
    view: String,
}

#[derive(Default, Serialize)]
struct ClaimResponse {
    messages: Vec<Message>,
    /// How many went to make room since the view was last shown.
    displaced: u64,
    /// For how long they are hidden from every other look, in milliseconds.
    lease_ms: u128,
    /// When to ask again for what is there and may not be shown yet, in milliseconds.
    next_ms: Option<u128>,
}

/// Hides from every other look what is pending for a view and for [`View::ANY`], until the page says that it is shown or the
/// lease has ended.
pub(crate) async fn claim(
    request: HttpRequest,
    request_body: Json<ViewRequest>,
) -> Result<HttpResponse, Problem> {
    let Caller { state, session } = Caller::of(&request)?;
    let view = View::new(request_body.into_inner().view)?;
    let salver = &state.app_state.salver;
    let mut response = ClaimResponse {
        lease_ms: salver.config().lease.as_millis(),
        ..ClaimResponse::default()
    };
    let is_seen = eligibility::may_claim(&request, &RequestHeaders::of(&request));
    let Some(session) = session.filter(|_| is_seen) else {
        return Ok(json(StatusCode::OK, response));
    };
    let context = salver.context_for(session, state.app_state.record_view(view));
    let claim = salver.claim_for_api(context.read_contexts()).await?;
    if let Some(result) = claim.result() {
        response.messages = state.translator(&request).translate_all(&result.messages);
        response.displaced = result.displaced;
        response.next_ms = result.next_due_in.map(|next| next.as_millis());
    }
    state.keep_for_client(claim);
    Ok(json(StatusCode::OK, response))
}
