//! A message in a request.

use serde::Deserialize;
use serde_json::Value;

use crate::message::{Action, Autoclose, Format};
use crate::{Level, Message, MessageId};

/// The fields of a message. With an id the request may be repeated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    id: Option<MessageId>,
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

impl From<NewMessage> for Message {
    fn from(new: NewMessage) -> Self {
        let mut message = Self::new(new.level, new.text);
        if let Some(id) = new.id {
            message = message.with_id(id);
        }
        message.title = new.title;
        message.tag = new.tag;
        message.format = new.format;
        message.autoclose = new.autoclose;
        message.action = new.action;
        message.data = new.data;
        message
    }
}
