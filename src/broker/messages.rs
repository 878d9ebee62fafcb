//! `POST /v1/messages`: adds a flash message for a page of a session.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use crate::broker::new_message::NewMessage;
use crate::broker::settings::Settings;
use crate::broker::tokens::Right;
use crate::broker::{access, body};
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::{Message, SessionId, View};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    session: String,
    view: String,
    message: NewMessage,
}

pub(super) async fn add(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Notify).await?;
    let body: Request = body::json(&request, payload).await?;
    let (session, view) = (SessionId::new(body.session)?, View::try_from(body.view)?);
    let message = Message::from(body.message);
    let id = message.id();
    let context = settings.salver.context(session, view)?;
    settings.salver.add(&context, message).await?;
    Ok(json(StatusCode::CREATED, json!({ "id": id })))
}
