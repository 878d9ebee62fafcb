//! `POST claim`: claims the visible messages of a view.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::web::api::caller::{Caller, json};
use crate::web::api::problem::Problem;
use crate::web::request::eligibility;
use crate::{Message, View};

/// The request body.
#[derive(Deserialize)]
pub(crate) struct ViewRequest {
    view: String,
}

#[derive(Default, Serialize)]
struct ClaimResponse {
    messages: Vec<Message>,
    /// Number of messages that newer ones displaced since the last claim of the view.
    displaced: u64,
    /// How long the messages are hidden from other reads, in milliseconds.
    lease_ms: u128,
    /// Time until the next message of the view becomes visible, in milliseconds.
    next_ms: Option<u128>,
}

/// Claims the visible messages of a view and of [`View::ANY`].
///
/// Other reads do not return them until the lease expires. The page confirms those that it shows.
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
    let may_claim = eligibility::why_not_claiming(&request, state.headers(&request)).is_none();
    let Some(session) = session.filter(|_| may_claim) else {
        return Ok(json(StatusCode::OK, response));
    };
    let context = salver.context_for(session, state.app_state.record_view(view));
    state.move_returned_messages().await;
    let claim = salver.claim_for_api(context.contexts_to_read()).await?;
    if let Some(result) = claim.result() {
        response.messages = state.translator(&request).translate_all(&result.messages);
        response.displaced = result.displaced;
        response.next_ms = result.next_due_in.map(|next| next.as_millis());
    }
    state.keep_for_client(claim);
    Ok(json(StatusCode::OK, response))
}
