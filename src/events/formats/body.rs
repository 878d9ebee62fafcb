//! The stored form of an event, and the digest by which two events of one id are compared.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

#[cfg(feature = "webhooks")]
use crate::events::event::Cause;
use crate::events::event::Event;
use crate::events::formats::canonical::{restore_doubles, to_canonical};
use crate::events::formats::payload::Payload;
use crate::events::limits::MAX_EVENT_BYTES;
use crate::events::pattern::{Pattern, TRACE};
use crate::{Error, Message, Recipient, wire};

/// The attribute that names the event whose result an event is.
#[cfg(feature = "webhooks")]
const CAUSATION_ID: &str = "causationid";

/// An event as it is stored: a structured CloudEvent, with what CloudEvents have no attributes for beside it.
#[derive(Serialize, Deserialize)]
struct Body {
    event: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    except: BTreeSet<Recipient>,
    /// The fields of wire v1, in another order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    #[cfg(feature = "webhooks")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
}

/// An event that was encoded.
#[derive(Clone, Debug)]
pub(in crate::events) struct EncodedEvent {
    pub(in crate::events) digest: String,
    pub(in crate::events) body: Vec<u8>,
}

/// Encodes a valid event with a source.
///
/// # Errors
///
/// `is_invalid` for more than 64 KiB, and for an integer beyond 2^53 - 1.
pub(in crate::events) fn encode(event: &Event, source: &str) -> Result<EncodedEvent, Error> {
    let message = event.message.as_ref().map(message_json).transpose()?;
    let body = Body {
        event: cloud_event(event, source),
        also: event.also.clone(),
        except: event.except.clone(),
        message: message.clone(),
        #[cfg(feature = "webhooks")]
        cause: event.cause.clone(),
    };
    let body = to_canonical(&body)?;
    if body.len() > MAX_EVENT_BYTES {
        let problem = format!("is over the limit of {MAX_EVENT_BYTES} bytes");
        return Err(Error::invalid("event", problem));
    }
    let content = content(event, message)?;
    Ok(EncodedEvent {
        digest: URL_SAFE_NO_PAD.encode(Sha256::digest(content)),
        body,
    })
}

/// Returns the content of an event. Neither its time nor the id of its message is a part of it: both differ
/// when a publisher builds the event again.
fn content(event: &Event, message: Option<Value>) -> Result<Vec<u8>, Error> {
    let mut message = message;
    if let Some(fields) = message.as_mut().and_then(Value::as_object_mut) {
        fields.remove("id");
    }
    let mut content = json!({
        "type": event.pattern.event_type,
        "filters": event.pattern.filters,
        "data": event.payload.get_json(),
        "also": event.also,
        "except": event.except,
        "message": message,
    });
    // Events with JSON data alone keep the digest that they had before other data were possible.
    if let (Some(fields), Some(payload)) = (content.as_object_mut(), event.payload.digested()) {
        fields.insert("payload".to_owned(), payload);
    }
    to_canonical(&content)
}

fn message_json(message: &Message) -> Result<Value, Error> {
    let unreadable =
        |cause| Error::invalid("message", "cannot be written as JSON").with_source(cause);
    serde_json::from_slice(&wire::encode(message)?).map_err(unreadable)
}

/// Returns the attributes of a structured CloudEvent.
pub(in crate::events) fn cloud_event(event: &Event, source: &str) -> Map<String, Value> {
    let filters = event.pattern.filters.iter().chain(&event.trace);
    let filters = filters.map(|(name, value)| (name.clone(), value.as_str().into()));
    let mut fields: Map<String, Value> = filters.collect();
    #[cfg(feature = "webhooks")]
    if let Some(cause) = &event.cause {
        fields.insert(CAUSATION_ID.to_owned(), cause.id.as_str().into());
    }
    let time = i64::try_from(event.time).ok();
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("specversion", "1.0".into());
    set("id", event.id.as_str().into());
    set("source", source.into());
    set("type", event.pattern.event_type.as_str().into());
    set("time", time.unwrap_or_default().to_string().into());
    event.payload.write_to(&mut fields);
    fields
}

/// Decodes a stored event; `None` for one that another program has damaged.
pub(in crate::events) fn decode(body: &[u8]) -> Option<Event> {
    let Body {
        event: mut fields,
        also,
        except,
        mut message,
        #[cfg(feature = "webhooks")]
        cause,
    } = serde_json::from_slice(body).ok()?;
    let values = fields.values_mut().chain(&mut message);
    values.for_each(restore_doubles);
    #[cfg(feature = "webhooks")]
    if cause.is_some() {
        // Not a filter.
        fields.remove(CAUSATION_ID);
    }
    let payload = Payload::take_from(&mut fields).ok()?;
    let mut text = |name: &str| match fields.remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    };
    let (id, source, event_type) = (text("id")?, text("source")?, text("type")?);
    let time: Timestamp = text("time")?.parse().ok()?;
    let _version = text("specversion")?;
    let mut event = Event::new(event_type);
    event.id = id;
    event.source = Some(source);
    event.time = u64::try_from(time.as_millisecond()).unwrap_or_default();
    event.payload = payload;
    for (name, value) in fields {
        match TRACE.contains(&name.as_str()) {
            true => drop(event.trace.insert(name, value.as_str()?.to_owned())),
            false => event.pattern = event.pattern.with(name, value.as_str()?),
        }
    }
    event.also = also;
    event.except = except;
    #[cfg(feature = "webhooks")]
    {
        event.cause = cause;
    }
    if let Some(message) = message {
        // Not `wire::decode`, which expects the order of fields that a member has.
        event.message = Some(serde_json::from_value(message).ok()?);
    }
    event.validate().ok()?;
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::new("wiki.edit")
            .id("7")
            .subject("documents/7")
            .filter("language", "de")
            .data(json!({"b": 1, "a": [1.5, "x"]}))
            .message(
                Message::info("Edited.")
                    .tag("p")
                    .action("Look", "/documents/7"),
            )
            .also(Event::new("wiki.any"))
            .except([Recipient::user(1)])
    }

    #[test]
    fn stored_event_is_decoded() {
        let event = event().source("/wiki");
        let encoded = encode(&event, "/wiki").ok();
        let decoded = encoded.and_then(|encoded| decode(&encoded.body));
        assert_eq!(decoded, Some(event));
    }

    #[test]
    fn digest_depends_on_content_alone() {
        let digest = |event: &Event| encode(event, "/wiki").ok().map(|encoded| encoded.digest);
        let same = event().time(OffsetDateTime::UNIX_EPOCH);
        assert!(digest(&event()).is_some());
        assert_eq!(digest(&event()), digest(&same));
        for other in [
            event().data(1),
            event().subject("documents/8"),
            event().filter("language", "en"),
            event().also(Event::new("wiki.all")),
            event().except([Recipient::user(2)]),
            event().message(Message::info("Deleted.")),
        ] {
            assert_ne!(digest(&event()), digest(&other));
        }
    }

    use time::OffsetDateTime;
}
