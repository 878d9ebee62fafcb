//! Subscriptions: who is notified of which events.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::digest::text_id;
use crate::events::limits::MAX_DESCRIPTION_BYTES;
use crate::events::pattern::{Pattern, SUBJECT};
use crate::validate::validate_line;
use crate::{Error, Recipient};

/// An interest in events of one type, narrowed by the values of filters. A filter that it does not name matches every
/// value. Built by chained setters and validated by the call that uses it.
///
/// ```
/// use salver::events::EventType;
///
/// const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
///
/// let german = EDIT_IN_LANGUAGE.subscription().filter("language", "de").described("edits in German");
/// assert_eq!(german.get_filter("language"), Some("de"));
/// assert_eq!(german.get_description(), Some("edits in German"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    #[serde(flatten)]
    pub(super) pattern: Pattern,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip)]
    pub(super) requested_by: Option<IpAddr>,
}

/// What a call to subscribe has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subscribed {
    /// The subscription is active.
    Active,
    /// The subscription is active once the person opens the link that they were mailed. Every call for an address
    /// returns this, so that it reveals nothing about the address.
    AwaitingActivation,
}

impl Subscription {
    /// Builds a subscription to events of a type that is known at run time only. Any filters may occur. A site uses
    /// [`EventType::subscription`](super::EventType::subscription).
    #[must_use]
    pub fn new(event_type: impl Into<String>) -> Self {
        Self::of(Pattern::new(event_type))
    }

    pub(super) fn of(pattern: Pattern) -> Self {
        Self {
            pattern,
            description: None,
            requested_by: None,
        }
    }

    /// Narrows it to one object, such as `documents/7`: one line, 1 to 256 bytes. Default: all.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.pattern = self.pattern.with(SUBJECT, subject);
        self
    }

    /// Narrows it to one value of a filter: one line, 1 to 256 bytes. Default: all.
    #[must_use]
    pub fn filter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pattern = self.pattern.with(name, value);
        self
    }

    /// Describes it for the person, such as "edits in German": one line, 1 to 256 bytes. It is in the mails and on the
    /// pages by which people activate and end it. Default: none, the type.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the network address of the visitor who subscribes an e-mail address, by which activation mails are limited:
    /// 20 an hour. Default: none, only the mails to each address are limited.
    #[must_use]
    pub fn requested_by(mut self, address: IpAddr) -> Self {
        self.requested_by = Some(address);
        self
    }

    /// Returns the type of the events.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.pattern.event_type
    }

    /// Returns the object; `None` for all.
    #[must_use]
    pub fn get_subject(&self) -> Option<&str> {
        self.get_filter(SUBJECT)
    }

    /// Returns the value of a filter; `None` for all values.
    #[must_use]
    pub fn get_filter(&self, name: &str) -> Option<&str> {
        self.pattern.filter(name)
    }

    /// Returns the description.
    #[must_use]
    pub fn get_description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        self.pattern.validate()?;
        match &self.description {
            Some(description) => validate_line("description", description, MAX_DESCRIPTION_BYTES),
            None => Ok(()),
        }
    }

    /// Returns its id, derived from the recipient and what it is for.
    pub(super) fn id_for(&self, recipient: &Recipient) -> String {
        subscription_id(recipient, &self.pattern)
    }
}

/// Returns the id of the subscription of a recipient: 16 bytes as base64url.
pub(super) fn subscription_id(recipient: &Recipient, pattern: &Pattern) -> String {
    let mut fields = vec![recipient.as_str()];
    fields.extend(pattern.fields());
    text_id("subscription", &fields)
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("type", &self.pattern.event_type)
            .field("filters", &self.pattern.names())
            .finish_non_exhaustive()
    }
}
