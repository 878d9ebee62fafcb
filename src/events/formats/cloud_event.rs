//! CloudEvents 1.0 from outside, in the JSON format and in the binary mode of HTTP.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::Error;
use crate::events::event::Event;
#[cfg(feature = "webhooks")]
use crate::events::formats::attribute_header::decode;
use crate::events::formats::body::cloud_event;
use crate::events::formats::canonical::to_canonical;
use crate::events::formats::payload::{Payload, take_text};
use crate::events::limits::MAX_FILTER_NAME_BYTES;
use crate::events::pattern::TRACE;

/// The only version of the specification that is known.
const VERSION: &str = "1.0";
/// Sources that begin so are those of events about Salver itself, which no publisher may imitate.
const OWN_SOURCE: &str = "salver:";
/// How much of a wrong name an error quotes. Stops a request from deciding the size of its response.
const MAX_QUOTED: usize = 40;

/// The attributes of an event, as a publisher has written them.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    fields: Map<String, Value>,
    /// The first name that occurs twice, which readers of JSON understand in different ways.
    duplicate: Option<String>,
}

impl Attributes {
    /// Adds an attribute.
    pub(crate) fn insert(&mut self, name: String, value: Value) {
        if self.fields.contains_key(&name) {
            self.duplicate.get_or_insert(name);
            return;
        }
        self.fields.insert(name, value);
    }

    /// Adds an attribute of the binary mode, by the value of its header.
    ///
    /// # Errors
    ///
    /// `is_invalid` for one that is not encoded as the binary mode demands.
    #[cfg(feature = "webhooks")]
    pub(crate) fn insert_header(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        let value = decode(value)?;
        self.insert(name.to_owned(), value.into());
        Ok(())
    }

    /// Returns the event in the JSON format.
    ///
    /// # Errors
    ///
    /// `is_invalid`, naming the attribute.
    pub(crate) fn structured(mut self) -> Result<Event, Error> {
        self.validate()?;
        let payload = Payload::take_from(&mut self.fields)?;
        self.event(payload)
    }

    /// Returns the event whose data are a body.
    ///
    /// # Errors
    ///
    /// As [`structured`](Self::structured).
    #[cfg(feature = "webhooks")]
    pub(crate) fn binary(
        mut self,
        content_type: Option<String>,
        body: &[u8],
    ) -> Result<Event, Error> {
        self.validate()?;
        for name in ["data", "data_base64", "datacontenttype"] {
            if self.fields.contains_key(name) {
                let problem = format!("`{name}` is a header; the body and `content-type` are read");
                return Err(Error::invalid("attribute", problem));
            }
        }
        let schema = take_text(&mut self.fields, "dataschema")?;
        let payload = Payload::of_bytes(content_type, schema, body)?;
        self.event(payload)
    }

    /// Checks what all events have in common: names of attributes, and the version.
    fn validate(&mut self) -> Result<(), Error> {
        if let Some(name) = &self.duplicate {
            let problem = format!("`{}` occurs twice", quoted(name));
            return Err(Error::invalid("attribute", problem));
        }
        match take_text(&mut self.fields, "specversion")?.as_deref() {
            Some(VERSION) => Ok(()),
            Some(_) => Err(Error::invalid("specversion", "is not 1.0")),
            None => Err(missing("specversion")),
        }
    }

    fn event(self, payload: Payload) -> Result<Event, Error> {
        let mut fields = self.fields;
        let mut required = |name| take_text(&mut fields, name)?.ok_or_else(|| missing(name));
        let (id, source) = (required("id")?, required("source")?);
        let mut event = Event::new(required("type")?).id(id);
        if !is_uri_reference(&source) {
            return Err(Error::invalid("source", "is no URI reference (RFC 3986)"));
        }
        if source.starts_with(OWN_SOURCE) {
            let problem = "begins with `salver:`, as only those of Salver itself do";
            return Err(Error::invalid("source", problem));
        }
        event = event.source(source);
        if let Some(subject) = take_text(&mut fields, "subject")? {
            event = event.subject(subject);
        }
        if let Some(time) = take_text(&mut fields, "time")? {
            event.time = unix_ms(&time)?;
        }
        event.payload = payload;
        for (name, value) in fields {
            if !is_attribute_name(&name) {
                let problem = format!(
                    "`{}` has a name that is not 1 to 20 of a-z 0-9",
                    quoted(&name)
                );
                return Err(Error::invalid("attribute", problem));
            }
            if value.is_null() {
                continue;
            }
            let value = text_of(value).ok_or_else(|| {
                let problem =
                    format!("`{name}` is neither a text, a boolean nor an integer of 32 bits");
                Error::invalid("attribute", problem)
            })?;
            if value.is_empty() {
                return Err(Error::invalid("attribute", format!("`{name}` is empty")));
            }
            match TRACE.contains(&name.as_str()) {
                true => drop(event.trace.insert(name, value)),
                false => event = event.filter(name, value),
            }
        }
        event.validate()?;
        Ok(event)
    }
}

impl Event {
    /// Reads a CloudEvent in the JSON format.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid), naming the attribute that is missing or wrong.
    ///
    /// ```
    /// use salver::events::Event;
    ///
    /// let json = br#"{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid", "data": 7}"#;
    /// assert_eq!(Event::from_json(json)?.get_data::<u64>()?, 7);
    /// assert!(Event::from_json(br#"{"type": "order.paid"}"#).is_err());
    /// # Ok::<(), salver::Error>(())
    /// ```
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let attributes: Attributes = serde_json::from_slice(json).map_err(|cause| {
            Error::invalid("event", "is not an object in JSON").with_source(cause)
        })?;
        attributes.structured()
    }

    /// Returns a published event as a CloudEvent in the JSON format: without its message, the further types by which it
    /// matches, and whom it excludes.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an event without a source, which it gets when it is published.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let source = self.source.as_deref().ok_or_else(|| missing("source"))?;
        to_canonical(&cloud_event(self, source))
    }
}

/// Returns the canonical text of the value of an attribute; `None` for a value that no attribute has.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => {
            // JSON may write an integer with a fraction of zero.
            let fraction = number.as_f64().filter(|number| number.fract() == 0.0);
            let integer = number
                .as_i64()
                .or_else(|| fraction.map(|number| number as i64));
            Some(i32::try_from(integer?).ok()?.to_string())
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn missing(name: &'static str) -> Error {
    Error::invalid(name, "is missing")
}

fn quoted(name: &str) -> String {
    name.escape_debug().take(MAX_QUOTED).collect()
}

fn is_attribute_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_FILTER_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// Returns whether a text has only the characters of a URI reference, with two hexadecimal digits after each `%`.
fn is_uri_reference(text: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let is_escape = |escape: &str| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    !text.is_empty() && text.bytes().all(is_allowed) && text.split('%').skip(1).all(is_escape)
}

/// Returns a time of RFC 3339 in Unix milliseconds. The parser alone would accept other forms of ISO 8601 too.
fn unix_ms(text: &str) -> Result<u64, Error> {
    let invalid = || Error::invalid("time", "is no time of RFC 3339, as 2026-04-05T17:31:00Z is");
    let form: String = text
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            't' => 'T',
            'z' => 'Z',
            '-' | '+' => '-',
            other => other,
        })
        .collect();
    let rest = form
        .strip_prefix("0000-00-00T00:00:00")
        .ok_or_else(invalid)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with('0') => fraction.trim_start_matches('0'),
        Some(_) => return Err(invalid()),
        None => rest,
    };
    // The time and the date are joined by `-`, so a `+` there has the same form.
    let has_plus = text.get(..10).is_none_or(|date| date.contains('+'));
    if has_plus || !matches!(zone, "Z" | "-00:00") {
        return Err(invalid());
    }
    let time: Timestamp = text.parse().map_err(|cause| invalid().with_source(cause))?;
    Ok(u64::try_from(time.as_millisecond()).unwrap_or_default())
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AttributesVisitor;

        impl<'de> Visitor<'de> for AttributesVisitor {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut attributes = Attributes::default();
                while let Some((name, value)) = map.next_entry()? {
                    attributes.insert(name, value);
                }
                Ok(attributes)
            }
        }

        deserializer.deserialize_map(AttributesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_rfc_3339_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01t00:00:01.5z", Some(1_500)),
            ("1970-01-01T01:00:00.123456789+01:00", Some(123)),
            ("1960-01-01T00:00:00-00:00", Some(0)),
            ("2026-12-31T23:59:60Z", Some(1_798_761_599_000)),
            ("1970-01-01 00:00:01Z", None),
            ("1970-01-01T00:00:01", None),
            ("1970-01-01T00:00Z", None),
            ("1970-01-01T00:00:01.Z", None),
            ("1970-01-01T00:00:01+01", None),
            ("1970-13-01T00:00:01Z", None),
            ("1970+01-01T00:00:01Z", None),
            ("1970-01-01T00:00:01Z[UTC]", None),
            ("", None),
            ("now", None),
        ] {
            assert_eq!(unix_ms(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn event_is_read_as_it_was_written() {
        let event = Event::new("order.paid").id("1").subject("orders/7").data(7);
        assert!(event.to_json().is_err_and(|error| error.is_invalid()));
        let event = event.source("/shop");
        let json = event.to_json().unwrap_or_default();
        let read = Event::from_json(&json).and_then(|read| read.to_json());
        assert_eq!(read.ok(), Some(json));
    }

    #[test]
    fn source_is_uri_reference() {
        for source in [
            "/a",
            "urn:a:b",
            "https://a/b?c#d",
            "a",
            "mailto:a@b",
            "%C3%A4",
            "#a",
        ] {
            assert!(is_uri_reference(source), "{source}");
        }
        for source in ["", "a b", "ä", "%g0", "%a", "a\\b", "<a>", "\"", "{}"] {
            assert!(!is_uri_reference(source), "{source}");
        }
    }
}
