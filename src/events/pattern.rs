//! A type with values of filters: what an event is matched by, and what a subscription is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::context::encode;
use crate::events::limits::{
    MAX_FILTER_NAME_BYTES, MAX_FILTER_VALUE_BYTES, MAX_FILTERS, MAX_TYPE_BYTES,
};
use crate::validate::{validate_line, validate_name};

/// The filter that every type has.
pub(super) const SUBJECT: &str = "subject";
/// The attributes of distributed tracing, which are no filters: they differ when an event is published again.
pub(super) const TRACE: [&str; 2] = ["traceparent", "tracestate"];
/// The attributes of CloudEvents 1.0, which are no filters.
const ATTRIBUTES: [&str; 8] = [
    "data",
    "datacontenttype",
    "dataschema",
    "id",
    "source",
    "specversion",
    "time",
    "type",
];

/// A type with values of filters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pattern {
    #[serde(rename = "type")]
    pub(super) event_type: String,
    /// The values by name; the subject is one of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) filters: BTreeMap<String, String>,
    /// The filters of a type that the site declares; `None` if any may occur.
    #[serde(skip)]
    declared: Option<&'static [&'static str]>,
}

/// What a type declares is not stored, so it does not tell patterns apart.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.event_type == other.event_type && self.filters == other.filters
    }
}

impl Eq for Pattern {}

impl Pattern {
    pub(super) fn new(event_type: impl Into<String>) -> Self {
        Self {
            event_type: event_type.into(),
            filters: BTreeMap::new(),
            declared: None,
        }
    }

    pub(super) fn declared(name: &str, filters: &'static [&'static str]) -> Self {
        Self {
            declared: Some(filters),
            ..Self::new(name)
        }
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.filters.insert(name.into(), value.into());
        self
    }

    pub(super) fn filter(&self, name: &str) -> Option<&str> {
        self.filters.get(name).map(String::as_str)
    }

    /// # Errors
    ///
    /// `is_invalid`, naming the first wrong field.
    pub(super) fn validate(&self) -> Result<(), Error> {
        validate_name("type", &self.event_type, MAX_TYPE_BYTES)?;
        let names = self.filters.keys().map(String::as_str);
        let declared = self.declared.unwrap_or_default().iter().copied();
        names.chain(declared).try_for_each(validate_filter_name)?;
        for (name, value) in &self.filters {
            if name == SUBJECT {
                validate_line("subject", value, MAX_FILTER_VALUE_BYTES)?;
                continue;
            }
            validate_line("filter", value, MAX_FILTER_VALUE_BYTES)?;
            if self
                .declared
                .is_some_and(|names| !names.contains(&name.as_str()))
            {
                return Err(Error::invalid(
                    "filter",
                    "is not declared by the event type",
                ));
            }
        }
        let filters = self.filters.keys().filter(|name| *name != SUBJECT).count();
        match filters > MAX_FILTERS {
            true => Err(Error::invalid(
                "filter",
                format!("is one of more than {MAX_FILTERS}"),
            )),
            false => Ok(()),
        }
    }

    /// Returns the names of its filters, sorted, with commas between them.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.filters.keys().map(String::as_str).collect();
        names.join(",")
    }

    /// Returns the part of this pattern with some of its filters; `None` if it lacks one of them. `names`: as
    /// [`names`](Self::names) returns them.
    pub(super) fn restricted_to(&self, names: &str) -> Option<Self> {
        let mut restricted = Self::new(&self.event_type);
        for name in names.split(',').filter(|name| !name.is_empty()) {
            restricted = restricted.with(name, self.filter(name)?);
        }
        Some(restricted)
    }

    /// Returns the text of its key: `type?name=value&…`, each part encoded.
    pub(super) fn key(&self) -> String {
        let filters = self.filters.iter();
        let filters: Vec<_> = filters
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let event_type = encode(&self.event_type);
        match filters.is_empty() {
            true => event_type,
            false => format!("{event_type}?{}", filters.join("&")),
        }
    }

    /// Returns the fields by which ids tell patterns apart: the type, then names and values.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let filters = self.filters.iter();
        let filters = filters.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        std::iter::once(self.event_type.as_str()).chain(filters)
    }
}

/// Validates the name of a filter: that of an extension attribute in CloudEvents 1.0.
fn validate_filter_name(name: &str) -> Result<(), Error> {
    let is_valid = (1..=MAX_FILTER_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match is_valid && !ATTRIBUTES.contains(&name) && !TRACE.contains(&name) {
        true => Ok(()),
        false => Err(Error::invalid(
            "filter",
            "has a name that is not 1 to 20 of a-z 0-9, or that is an attribute of events",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_injective() {
        let pattern = Pattern::new("a")
            .with("language", "de&b=c")
            .with(SUBJECT, "x/7");
        assert_eq!(pattern.key(), "a?language=de%26b%3Dc&subject=x%2F7");
        assert_eq!(Pattern::new("a").key(), "a");
        assert_eq!(pattern.names(), "language,subject");
    }

    #[test]
    fn restriction_needs_every_name() {
        let pattern = Pattern::new("a").with("language", "de");
        assert_eq!(pattern.restricted_to(""), Some(Pattern::new("a")));
        assert_eq!(pattern.restricted_to("language"), Some(pattern.clone()));
        assert_eq!(pattern.restricted_to("language,subject"), None);
    }

    #[test]
    fn names_of_attributes_and_undeclared_ones_are_invalid() {
        for name in ["", "Language", "a-b", "time", "a23456789012345678901"] {
            let error = Pattern::new("a").with(name, "1").validate().err();
            assert!(error.is_some_and(|error| error.is_invalid()), "{name}");
        }
        let declared = Pattern::declared("a", &["language"]);
        assert!(
            declared
                .clone()
                .with("language", "de")
                .with(SUBJECT, "7")
                .validate()
                .is_ok()
        );
        assert!(declared.with("locale", "de").validate().is_err());
    }
}
