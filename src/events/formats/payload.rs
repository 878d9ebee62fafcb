//! The data of an event, with the attributes that describe them: JSON, another text, or bytes.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use url::Url;

use crate::Error;
use crate::events::limits::MAX_EVENT_ID_BYTES;
use crate::message::{MAX_DATA_DEPTH, data_depth};
use crate::validate::validate_line;

/// The content type of JSON data that name no other one.
const JSON: &str = "application/json";
/// The attributes of the data.
const CONTENT_TYPE: &str = "datacontenttype";
const SCHEMA: &str = "dataschema";
const DATA: &str = "data";
const BASE64: &str = "data_base64";

/// The data of an event.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::events) enum Data {
    Json(Value),
    Text(String),
    Binary(Vec<u8>),
}

/// The data of an event, with what describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::events) struct Payload {
    pub(in crate::events) data: Option<Data>,
    /// The content type; `None` for JSON data of the type `application/json`.
    content_type: Option<String>,
    /// The URI of the schema of the data.
    schema: Option<String>,
}

impl Payload {
    pub(in crate::events) fn json(value: Value) -> Self {
        Self {
            data: Some(Data::Json(value)),
            ..Self::default()
        }
    }

    /// Returns the payload of a body. `schema`: the attribute `dataschema`.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a body that its content type says to be JSON, and that is not.
    pub(in crate::events) fn of_bytes(
        content_type: Option<String>,
        schema: Option<String>,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let data = match bytes.is_empty() {
            true => None,
            false => Some(data_of(content_type.as_deref(), bytes)?),
        };
        Ok(Self::new(data, content_type, schema))
    }

    fn new(data: Option<Data>, content_type: Option<String>, schema: Option<String>) -> Self {
        let is_default =
            matches!(data, Some(Data::Json(_))) && content_type.as_deref() == Some(JSON);
        Self {
            data,
            content_type: content_type.filter(|_| !is_default),
            schema,
        }
    }

    /// Takes the payload out of the attributes of an event in the JSON format.
    ///
    /// # Errors
    ///
    /// `is_invalid`, naming the attribute.
    pub(in crate::events) fn take_from(fields: &mut Map<String, Value>) -> Result<Self, Error> {
        let content_type = take_text(fields, CONTENT_TYPE)?;
        let schema = take_text(fields, SCHEMA)?;
        let (data, bytes) = (fields.remove(DATA), take_text(fields, BASE64)?);
        let data = match (data, bytes) {
            (Some(Value::Null) | None, Some(bytes)) => {
                let bytes = STANDARD.decode(bytes).map_err(|cause| {
                    Error::invalid(BASE64, "is not base64 (RFC 4648)").with_source(cause)
                })?;
                return Self::of_bytes(content_type, schema, &bytes);
            }
            (Some(_), Some(_)) => {
                return Err(Error::invalid(BASE64, "is set beside `data`"));
            }
            (None, None) => None,
            (Some(value), None) if content_type.as_deref().is_none_or(is_json) => {
                Some(Data::Json(value))
            }
            (Some(Value::String(text)), None) => Some(Data::Text(text)),
            (Some(Value::Null), None) => None,
            (Some(_), None) => {
                let problem = "is no text, and `datacontenttype` is not that of JSON";
                return Err(Error::invalid(DATA, problem));
            }
        };
        Ok(Self::new(data, content_type, schema))
    }

    /// Adds the payload to the attributes of an event in the JSON format.
    pub(in crate::events) fn write_to(&self, fields: &mut Map<String, Value>) {
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        if let Some(content_type) = self.get_content_type() {
            set(CONTENT_TYPE, content_type.into());
        }
        if let Some(schema) = &self.schema {
            set(SCHEMA, schema.as_str().into());
        }
        match &self.data {
            Some(Data::Json(value)) => set(DATA, value.clone()),
            Some(Data::Text(text)) => set(DATA, text.as_str().into()),
            Some(Data::Binary(bytes)) => set(BASE64, STANDARD.encode(bytes).into()),
            None => None,
        };
    }

    pub(in crate::events) fn get_json(&self) -> Option<&Value> {
        match self.data.as_ref()? {
            Data::Json(value) => Some(value),
            Data::Text(_) | Data::Binary(_) => None,
        }
    }

    pub(in crate::events) fn get_content_type(&self) -> Option<&str> {
        let is_json = self.get_json().is_some();
        let content_type = self.content_type.as_deref();
        content_type.or_else(|| is_json.then_some(JSON))
    }

    pub(in crate::events) fn get_schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Returns the data as bytes; JSON without spaces.
    pub(in crate::events) fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self.data.as_ref()? {
            Data::Json(value) => Cow::Owned(value.to_string().into_bytes()),
            Data::Text(text) => Cow::Borrowed(text.as_bytes()),
            Data::Binary(bytes) => Cow::Borrowed(bytes),
        })
    }

    /// Returns what two payloads differ by beside JSON data: content type, schema and bytes. `None` for JSON data of the
    /// default type. A text and the same bytes are the same.
    pub(in crate::events) fn digested(&self) -> Option<Value> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value.into());
        if let Some(content_type) = &self.content_type {
            set(CONTENT_TYPE, content_type.clone());
        }
        if let Some(schema) = &self.schema {
            set(SCHEMA, schema.clone());
        }
        match &self.data {
            Some(Data::Text(text)) => set(BASE64, STANDARD.encode(text)),
            Some(Data::Binary(bytes)) => set(BASE64, STANDARD.encode(bytes)),
            Some(Data::Json(_)) | None => None,
        };
        (!fields.is_empty()).then_some(Value::Object(fields))
    }

    /// # Errors
    ///
    /// `is_invalid`, naming the attribute.
    pub(in crate::events) fn validate(&self) -> Result<(), Error> {
        if self.get_json().map_or(0, data_depth) > MAX_DATA_DEPTH {
            let problem = format!("is nested more than {MAX_DATA_DEPTH} deep");
            return Err(Error::invalid(DATA, problem));
        }
        if let Some(content_type) = &self.content_type {
            validate_line(CONTENT_TYPE, content_type, MAX_EVENT_ID_BYTES)?;
            if !is_media_type(content_type) {
                return Err(Error::invalid(CONTENT_TYPE, "is no media type (RFC 2046)"));
            }
        }
        if let Some(schema) = &self.schema {
            validate_line(SCHEMA, schema, MAX_EVENT_ID_BYTES)?;
            Url::parse(schema)
                .map_err(|cause| Error::invalid(SCHEMA, "is no absolute URI").with_source(cause))?;
        }
        Ok(())
    }
}

/// Takes a text out of the attributes of an event; `null` counts as absent.
///
/// # Errors
///
/// `is_invalid` for another value.
pub(in crate::events) fn take_text(
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, Error> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(name, "is no text")),
    }
}

fn data_of(content_type: Option<&str>, bytes: &[u8]) -> Result<Data, Error> {
    if content_type.is_some_and(is_json) {
        let value = serde_json::from_slice(bytes).map_err(|cause| {
            Error::invalid(DATA, "is not JSON, as its content type says").with_source(cause)
        })?;
        return Ok(Data::Json(value));
    }
    let text = std::str::from_utf8(bytes).ok();
    let text = text.filter(|_| content_type.is_some_and(is_text));
    Ok(match text {
        Some(text) => Data::Text(text.to_owned()),
        None => Data::Binary(bytes.to_owned()),
    })
}

/// Returns a media type in lower case, without its parameters.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// Returns whether the data are a text in UTF-8.
fn is_text(content_type: &str) -> bool {
    let (essence, lower) = (essence(content_type), content_type.to_ascii_lowercase());
    let charset = lower.split("charset=").nth(1);
    let charset = charset.map(|charset| charset.trim_matches('"'));
    let is_utf8 = charset.is_none_or(|charset| charset.starts_with("utf-8"));
    let is_text =
        essence.starts_with("text/") || essence.ends_with("/xml") || essence.ends_with("+xml");
    is_text && is_utf8
}

fn is_media_type(content_type: &str) -> bool {
    let is_token = |part: &str| {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(is_token)
    };
    let essence = essence(content_type);
    let parts = essence.split_once('/');
    content_type.is_ascii()
        && parts.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(fields: Value) -> Option<Payload> {
        let mut fields: Map<_, _> = serde_json::from_value(fields).ok()?;
        let payload = Payload::take_from(&mut fields).ok()?;
        payload.validate().ok()?;
        fields.is_empty().then_some(payload)
    }

    #[test]
    fn payload_is_written_as_it_was_read() {
        for fields in [
            json!({}),
            json!({"datacontenttype": "application/json", "data": {"a": [1, null]}}),
            json!({"datacontenttype": "application/vnd.a+json; charset=utf-8", "data": "x"}),
            json!({"datacontenttype": "text/plain", "data": "x"}),
            json!({"datacontenttype": "image/png", "data_base64": "/w=="}),
            json!({"data_base64": "/w=="}),
            json!({"datacontenttype": "application/json", "data": null}),
            json!({"datacontenttype": "text/xml", "dataschema": "urn:a", "data": "<a/>"}),
        ] {
            let mut written = Map::new();
            let payload = taken(fields.clone());
            payload.unwrap_or_default().write_to(&mut written);
            assert_eq!(Value::Object(written), fields);
        }
    }

    #[test]
    fn wrong_payload_is_invalid() {
        for fields in [
            json!({"data": 1, "data_base64": "/w=="}),
            json!({"data_base64": "/w"}),
            json!({"data_base64": 1}),
            json!({"datacontenttype": "application/json", "data_base64": "/w=="}),
            json!({"datacontenttype": "text/plain", "data": {}}),
            json!({"datacontenttype": "text", "data": "x"}),
            json!({"datacontenttype": 1}),
            json!({"dataschema": "/relative"}),
        ] {
            assert_eq!(taken(fields.clone()), None, "{fields}");
        }
    }

    #[test]
    fn digested_part_depends_on_bytes_not_on_their_form() {
        let text = taken(json!({"datacontenttype": "text/plain", "data": "ab"}));
        let bytes = taken(json!({"datacontenttype": "text/plain", "data_base64": "YWI="}));
        let digested = |payload: Option<Payload>| payload.and_then(|payload| payload.digested());
        assert!(digested(text.clone()).is_some());
        assert_eq!(digested(text), digested(bytes));
        let json = taken(json!({"datacontenttype": "application/json", "data": 1}));
        assert_eq!(digested(json), None);
    }
}
