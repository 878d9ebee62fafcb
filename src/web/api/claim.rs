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
    lease: u128,
    /// When to ask again for what is there and may not be shown yet, in milliseconds.
    next: Option<u128>,
}

/// Hides from every other look what is pending for a view and for [`View::ANY`], until the page says that it is shown or the
/// lease has ended.
pub(crate) async fn claim(
    request: HttpRequest,
    wanted: Json<ViewRequest>,
) -> Result<HttpResponse, Problem> {
    let Caller {
        state: visit,
        session,
    } = Caller::of(&request)?;
    let view = View::new(wanted.into_inner().view)?;
    let salver = &visit.app_state.salver;
    let mut pending = ClaimResponse {
        lease: salver.config().lease.as_millis(),
        ..ClaimResponse::default()
    };
    let is_seen = eligibility::may_claim(&request, &RequestHeaders::of(&request));
    let Some(session) = session.filter(|_| is_seen) else {
        return Ok(json(StatusCode::OK, pending));
    };
    let context = salver.context_for(session, visit.app_state.record_view(view));
    let hold = salver.claim_for_api(context.read_contexts()).await?;
    if let Some(found) = hold.result() {
        pending.messages = visit.translator(&request).translate_all(&found.messages);
        pending.displaced = found.displaced;
        pending.next = found.next_due_in.map(|next| next.as_millis());
    }
    visit.keep_for_client(hold);
    Ok(json(StatusCode::OK, pending))
}
