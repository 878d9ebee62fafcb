//! What a program registers: the URL that is notified, and of which events.

use serde::Serialize;
use std::fmt;

use crate::events::{EndpointRecord, EndpointState, Generation};
use crate::webhooks::limits::{DEFAULT_RATE, MAX_RATE};
use crate::{Error, MessageId};

/// A URL of another program that is notified of events, to register it by [`Endpoints::add`](super::Endpoints::add). Built by
/// chained setters.
///
/// ```
/// use salver::webhooks::Endpoint;
///
/// let endpoint = Endpoint::new("https://shop.example/hooks").types(["order.paid"]).subject("orders/7");
/// # let _ = endpoint;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Endpoint {
    pub(super) id: String,
    url: String,
    types: Vec<String>,
    subject: Option<String>,
    results: Vec<String>,
    rate: u32,
    pub(super) has_handshake: bool,
}

impl Endpoint {
    /// Builds an endpoint for a URL: `https`, without user and password, at most 2,048 bytes.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            id: MessageId::new().to_string(),
            url: url.into(),
            types: Vec::new(),
            subject: None,
            results: Vec::new(),
            rate: DEFAULT_RATE,
            has_handshake: false,
        }
    }

    /// Sets the types of the events that it gets, at most 100. Default: all types, but those about Salver itself, which
    /// begin with `salver.`.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the object whose events it gets, such as `orders/7`. Default: events about all objects.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the types of events that it may answer with, at most 100. None begins with `salver.`, as those about Salver
    /// itself do. Default: none, and its answers are not read.
    ///
    /// The source of such an event is `/`, the name of the application, `/salver/endpoints/` and the id of the endpoint. No
    /// program can publish with it. A result goes through the [validators](crate::jobs::Worker::validate) of its type.
    pub fn results<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.results = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many deliveries it gets a minute at most, 1 to 60,000. Default: 600.
    pub fn rate(mut self, per_minute: u32) -> Self {
        self.rate = per_minute;
        self
    }

    /// Asks the URL for its consent before it is registered, as an endpoint that is registered by strangers has to be: by the
    /// `OPTIONS` request of [CloudEvents webhooks](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md).
    /// The answer may lower the rate. Default: it is registered without being asked.
    pub fn handshake(mut self) -> Self {
        self.has_handshake = true;
        self
    }

    /// Returns what is stored.
    ///
    /// # Errors
    ///
    /// `is_invalid`, naming the first wrong field; the URL is not checked.
    pub(super) fn record(&self, now: u64) -> Result<EndpointRecord, Error> {
        if !(1..=MAX_RATE).contains(&self.rate) {
            let problem = format!("is not between 1 and {MAX_RATE} a minute");
            return Err(Error::invalid("rate", problem));
        }
        let record = EndpointRecord {
            url: self.url.clone(),
            types: self.types.clone(),
            subject: self.subject.clone(),
            results: self.results.clone(),
            rate: self.rate,
            generation: Generation::first(now),
            state: EndpointState::Enabled,
            reason: None,
            created: now,
        };
        record.validate()?;
        Ok(record)
    }
}

/// `Debug` omits the path and the query, which may have a secret of the program.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("types", &self.types)
            .finish_non_exhaustive()
    }
}

/// An endpoint that is registered. Its secret is returned by [`Endpoints::add`](super::Endpoints::add) and
/// [`Endpoints::rotate`](super::Endpoints::rotate) alone.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RegisteredEndpoint {
    /// The id, by which it is changed.
    pub id: String,
    /// The URL.
    pub url: String,
    /// The types of the events that it gets; empty for all.
    pub types: Vec<String>,
    /// The object whose events it gets.
    pub subject: Option<String>,
    /// The types of the events that it may answer with.
    pub results: Vec<String>,
    /// Most deliveries a minute.
    pub rate: u32,
    /// Whether it gets events.
    pub state: EndpointState,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// When it was registered, in Unix milliseconds.
    pub created: u64,
}

impl RegisteredEndpoint {
    pub(super) fn of((id, record): (String, EndpointRecord)) -> Self {
        Self {
            id,
            url: record.url,
            types: record.types,
            subject: record.subject,
            results: record.results,
            rate: record.rate,
            state: record.state,
            reason: record.reason,
            created: record.created,
        }
    }
}
