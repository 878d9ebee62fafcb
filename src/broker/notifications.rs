//! `POST /v1/notifications`: adds a notification to the inboxes of recipients.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use crate::broker::limits::MAX_RECIPIENTS;
use crate::broker::new_message::NewMessage;
use crate::broker::settings::Settings;
use crate::broker::tokens::Right;
use crate::broker::{access, body};
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::{Error, Message, Notification, Recipient};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    recipients: Vec<String>,
    notification: NewNotification,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNotification {
    kind: String,
    subject: Option<String>,
    group: Option<String>,
    actor: Option<Actor>,
    message: NewMessage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    id: String,
    name: String,
}

impl NewNotification {
    fn notification(self) -> Result<Notification, Error> {
        let mut notification = Notification::new(self.kind, Message::from(self.message));
        if let Some(subject) = self.subject {
            notification = notification.subject(subject);
        }
        if let Some(group) = self.group {
            notification = notification.group(group);
        }
        if let Some(actor) = self.actor {
            notification = notification.actor(&actor.id.parse()?, actor.name);
        }
        Ok(notification)
    }
}

pub(super) async fn notify(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Notify).await?;
    let body: Request = body::json(&request, payload).await?;
    let recipients = body.recipients;
    if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
        let problem = format!("are none, or more than {MAX_RECIPIENTS}");
        return Err(Error::invalid("recipients", problem).into());
    }
    let recipients = recipients.iter().map(|recipient| recipient.parse());
    let recipients: Vec<Recipient> = recipients.collect::<Result<_, Error>>()?;
    let notification = body.notification.notification()?;
    let id = notification.id();
    settings.salver.notify(recipients, notification).await?;
    Ok(json(StatusCode::CREATED, json!({ "id": id })))
}
