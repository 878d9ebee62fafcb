//! Events: something that happened.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[cfg(feature = "webhooks")]
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::events::formats::payload::Payload;
use crate::events::limits::{MAX_ALSO, MAX_EVENT_ID_BYTES, MAX_EXCEPT, MAX_TRACE_BYTES};
use crate::events::pattern::{Pattern, SUBJECT};
use crate::validate::validate_line;
use crate::{Error, Message, MessageId, Recipient};

/// Something that happened, with the attributes of [CloudEvents 1.0](https://cloudevents.io): id, source, type, subject,
/// time and data, and the values of filters. Built by chained setters and validated by
/// [`publish`](crate::Salver::publish). At most 64 KiB as JSON.
///
/// `Debug` omits the content, so that it does not appear in logs.
///
/// ```
/// use salver::events::{Event, EventType};
///
/// const EDIT_DOCUMENT: EventType = EventType::new("wiki.edit.document", &[]);
/// const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
///
/// // One event for those who watch the document and for those who watch the language.
/// let event = EDIT_DOCUMENT.event().id("revision-12").subject("documents/7")
///     .also(EDIT_IN_LANGUAGE.event().filter("language", "de"))
///     .data("Ports");
/// assert_eq!(event.get_data::<String>()?, "Ports");
/// # Ok::<(), salver::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Event {
    pub(super) id: String,
    pub(super) source: Option<String>,
    pub(super) pattern: Pattern,
    /// Unix milliseconds.
    pub(super) time: u64,
    pub(super) payload: Payload,
    /// Whether `data` could not be serialised. Validation reports it.
    data_failed: bool,
    pub(super) message: Option<Message>,
    /// The attributes of distributed tracing. They are delivered, and neither filters nor content.
    pub(super) trace: BTreeMap<String, String>,
    #[cfg(feature = "webhooks")]
    pub(super) cause: Option<Cause>,
    /// Further types by which it is matched.
    pub(super) also: Vec<Pattern>,
    pub(super) except: BTreeSet<Recipient>,
}

/// What an event is the result of.
#[cfg(feature = "webhooks")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// The id of the event whose result it is.
    pub(crate) id: String,
    /// The id of the job of the first event of the chain.
    pub(crate) root: String,
    /// How many events are before it in the chain.
    pub(crate) depth: u32,
}

impl Event {
    /// Builds an event of a type that is known at run time only. Any filters may occur. A site uses
    /// [`EventType::event`](super::EventType::event).
    #[must_use]
    pub fn new(event_type: impl Into<String>) -> Self {
        Self::of(Pattern::new(event_type))
    }

    pub(super) fn of(pattern: Pattern) -> Self {
        let id = MessageId::new();
        Self {
            id: id.to_string(),
            source: None,
            pattern,
            time: id.unix_ms(),
            payload: Payload::default(),
            data_failed: false,
            message: None,
            trace: BTreeMap::new(),
            #[cfg(feature = "webhooks")]
            cause: None,
            also: Vec::new(),
            except: BTreeSet::new(),
        }
    }

    /// Sets the id, such as `revision-12`: one line, 1 to 256 bytes. An event of one id and source is published once,
    /// however often it is sent. Default: a new UUIDv7.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets where it happened: one line, 1 to 256 bytes. Default: `/` and the name of the application.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the object that it is about, such as `documents/7`: one line, 1 to 256 bytes. Subscriptions to this object
    /// match. Default: none.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.pattern = self.pattern.with(SUBJECT, subject);
        self
    }

    /// Sets the value of a filter: one line, 1 to 256 bytes. Default: none, and no subscription that names the filter
    /// matches.
    #[must_use]
    pub fn filter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pattern = self.pattern.with(name, value);
        self
    }

    /// Sets when it happened. Default: now. A time that is more than 24 hours in the past, or in the future, counts as the
    /// time of acceptance.
    #[must_use]
    pub fn time(mut self, time: impl Into<OffsetDateTime>) -> Self {
        let millis = time.into().unix_timestamp_nanos() / 1_000_000;
        self.time = u64::try_from(millis).unwrap_or_default();
        self
    }

    /// Attaches JSON for those who are notified: nested at most 64 deep, without integers beyond 2^53 - 1, which not every
    /// language reads exactly. Default: none.
    ///
    /// A value that cannot be serialised is reported when the event is published.
    #[must_use]
    pub fn data(mut self, data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(value) => self.payload = Payload::json(value),
            Err(_) => self.data_failed = true,
        }
        self
    }

    /// Sets how people are notified if no worker [renders](crate::jobs::Worker::render) events of this type. Default: none.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.message = Some(message);
        self
    }

    /// Adds the type, the subject and the filters of another event, as a further way to match, and whom it excludes. At
    /// most four. It is still one event: who has subscribed to both is notified once, and the first type renders.
    #[must_use]
    pub fn also(mut self, other: Self) -> Self {
        self.also.push(other.pattern);
        self.also.extend(other.also);
        self.except.extend(other.except);
        self
    }

    /// Excludes recipients, such as the person who caused it. At most 100. A user is also excluded under their e-mail
    /// address, which the worker [asks from the site](crate::jobs::Worker::profiles).
    #[must_use]
    pub fn except(mut self, recipients: impl IntoIterator<Item = Recipient>) -> Self {
        self.except.extend(recipients);
        self
    }

    /// Returns the id.
    #[must_use]
    pub fn get_id(&self) -> &str {
        &self.id
    }

    /// Returns the source; `None` before it is published, without one of its own.
    #[must_use]
    pub fn get_source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Returns the type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.pattern.event_type
    }

    /// Returns the object that it is about.
    #[must_use]
    pub fn get_subject(&self) -> Option<&str> {
        self.get_filter(SUBJECT)
    }

    /// Returns the value of a filter.
    #[must_use]
    pub fn get_filter(&self, name: &str) -> Option<&str> {
        self.pattern.filter(name)
    }

    /// Returns when it happened, in Unix milliseconds.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        self.time
    }

    /// Returns JSON data as a type.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an event without data, for data of another form, and for data that are not
    /// JSON, which [`get_bytes`](Self::get_bytes) returns.
    pub fn get_data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let problem = match self.payload.data {
            Some(_) => "is not JSON",
            None => "is missing",
        };
        let data = self.payload.get_json().cloned();
        let data = data.ok_or_else(|| Error::invalid("data", problem))?;
        serde_json::from_value(data).map_err(|cause| {
            Error::invalid("data", "has another form than was asked for").with_source(cause)
        })
    }

    /// Returns the data as bytes, whatever their content type; `None` for an event without data.
    #[must_use]
    pub fn get_bytes(&self) -> Option<Cow<'_, [u8]>> {
        self.payload.bytes()
    }

    /// Returns the content type of the data; `None` without one.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.payload.get_content_type()
    }

    /// Returns the URI of the schema of the data.
    #[must_use]
    pub fn data_schema(&self) -> Option<&str> {
        self.payload.get_schema()
    }

    /// Returns the message.
    #[must_use]
    pub fn get_message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// Returns the id of the event whose result it is: the attribute `causationid`.
    #[cfg(feature = "webhooks")]
    #[must_use]
    pub fn causation_id(&self) -> Option<&str> {
        self.cause.as_ref().map(|cause| cause.id.as_str())
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Returns all patterns by which it is matched, its own first.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        std::iter::once(&self.pattern).chain(&self.also)
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        validate_line("id", &self.id, MAX_EVENT_ID_BYTES)?;
        if let Some(source) = &self.source {
            validate_line("source", source, MAX_EVENT_ID_BYTES)?;
        }
        self.patterns().try_for_each(Pattern::validate)?;
        if self.also.len() > MAX_ALSO {
            return Err(Error::invalid(
                "also",
                format!("is set more than {MAX_ALSO} times"),
            ));
        }
        if self.except.len() > MAX_EXCEPT {
            let problem = format!("has more than {MAX_EXCEPT} recipients");
            return Err(Error::invalid("except", problem));
        }
        self.except.iter().try_for_each(Recipient::validate)?;
        if self.data_failed {
            return Err(Error::invalid("data", "cannot be written as JSON"));
        }
        self.payload.validate()?;
        for value in self.trace.values() {
            validate_line("trace", value, MAX_TRACE_BYTES)?;
        }
        self.message.as_ref().map_or(Ok(()), Message::validate)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("type", &self.pattern.event_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::MAX_DATA_DEPTH;

    #[test]
    fn data_nested_too_deep_is_invalid() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        let is_valid = |data| Event::new("test").data(data).validate().is_ok();
        assert!(is_valid(nested(MAX_DATA_DEPTH)));
        assert!(!is_valid(nested(MAX_DATA_DEPTH + 1)));
    }
}
