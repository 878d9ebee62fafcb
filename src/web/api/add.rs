//! `POST messages`: adds a message to the visitor's own session.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::message::{Action, Autoclose, Format};
use crate::web::api::caller::{self, Caller};
use crate::web::api::problem::Problem;
use crate::{Error, Level, Message, View};

/// The request body: a message, and the view that shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddRequest {
    view: String,
    #[serde(default)]
    level: Level,
    title: Option<String>,
    text: String,
    tag: Option<String>,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    autoclose: Autoclose,
    action: Option<Action>,
    data: Option<Value>,
}

impl AddRequest {
    fn message(self) -> Message {
        let mut message = Message::new(self.level, self.text);
        message.title = self.title;
        message.tag = self.tag;
        message.format = self.format;
        message.autoclose = self.autoclose;
        message.action = self.action;
        message.data = self.data;
        message
    }
}

/// Adds the message. A request without a session gets 403.
///
/// Creating a session here would give a client without cookies a new one for each message.
pub(crate) async fn add(
    request: HttpRequest,
    body: Json<AddRequest>,
) -> Result<HttpResponse, Problem> {
    let Caller { state, session } = Caller::of(&request)?;
    let session = session.ok_or_else(Problem::no_session)?;
    let mut body = body.into_inner();
    let view = View::try_from(std::mem::take(&mut body.view))?;
    let message = body.message();
    let id = message.id();
    let salver = &state.app_state.salver;
    let accepted = salver.accept(vec![message])?;
    if accepted.is_empty() {
        return Err(Error::invalid("level", "is below the site's minimum level").into());
    }
    state.visitor.mark_modified(&state.issuer(&request));
    let context = salver.context_for(session, view);
    salver.add_without_redirect(&context, &accepted).await?;
    Ok(caller::json(StatusCode::CREATED, json!({ "id": id })))
}
