//! What is stored about an endpoint.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::events::endpoints::limits::MAX_ENDPOINT_TYPES;
use crate::events::event::Event;
use crate::events::limits::{MAX_FILTER_VALUE_BYTES, MAX_TYPE_BYTES};
use crate::validate::{validate_line, validate_name};

/// The beginning of the source of events about Salver itself.
pub(crate) const REPORT_SOURCE: &str = "salver:";

/// The beginning of the types of events about Salver itself.
const REPORT_TYPE: &str = "salver.";

/// Whether an endpoint gets events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EndpointState {
    /// It gets the events for which it is registered.
    Enabled,
    /// It gets none until it is enabled again. Deliveries that waited are dead, and can be replayed.
    Disabled,
}

/// Which secret signs the deliveries to an endpoint. Secrets are derived, so the number alone is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    /// When it began, in Unix milliseconds. The one before signs too for some time after it.
    pub(crate) since: u64,
    /// When those before it began, newest first, as far as others before them signed at the last rotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<u64>,
}

impl Generation {
    /// Returns the generation of an endpoint that is registered at a time.
    pub(crate) fn first(now: u64) -> Self {
        Self {
            number: 0,
            since: now,
            earlier: Vec::new(),
        }
    }
}

/// What is stored about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndpointRecord {
    pub(crate) url: String,
    /// The types of the events; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// The types of the events that it may answer with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) results: Vec<String>,
    /// Most deliveries a minute.
    pub(crate) rate: u32,
    pub(crate) generation: Generation,
    pub(crate) state: EndpointState,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When it was registered, in Unix milliseconds.
    pub(crate) created: u64,
}

impl EndpointRecord {
    /// Checks all but the URL.
    ///
    /// # Errors
    ///
    /// `is_invalid`, naming the first wrong field.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (field, types) in [("types", &self.types), ("results", &self.results)] {
            if types.len() > MAX_ENDPOINT_TYPES {
                let problem = format!("are more than {MAX_ENDPOINT_TYPES}");
                return Err(Error::invalid(field, problem));
            }
            for event_type in types {
                validate_name(field, event_type, MAX_TYPE_BYTES)?;
            }
        }
        if self
            .results
            .iter()
            .any(|name| name.starts_with(REPORT_TYPE))
        {
            let problem = "begin with `salver.`, as only those of Salver itself do";
            return Err(Error::invalid("results", problem));
        }
        let subject = self.subject.as_deref();
        subject.map_or(Ok(()), |subject| {
            validate_line("subject", subject, MAX_FILTER_VALUE_BYTES)
        })
    }

    /// Returns whether the endpoint gets an event.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        let source = event.get_source().unwrap_or_default();
        // A report about an endpoint must not go to all of them.
        let is_any = self.types.is_empty() && !source.starts_with(REPORT_SOURCE);
        self.state == EndpointState::Enabled
            && event.patterns().any(|pattern| {
                let is_type = is_any || self.types.contains(&pattern.event_type);
                let subject = self.subject.as_deref();
                is_type && (subject.is_none() || subject == pattern.filter("subject"))
            })
    }
}
