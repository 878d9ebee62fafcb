//! The types of events that a site declares.

use crate::events::event::Event;
use crate::events::pattern::Pattern;
use crate::events::subscription::Subscription;

/// A type of event, with the names by whose values subscriptions narrow it. A constant of the site.
///
/// `name`: dotted words such as `wiki.edit.language`; 1 to 128 characters of `A-Z a-z 0-9 - . _ ~`. It is the kind of
/// the notifications. `filters`: names of `a-z 0-9`, 1 to 20 characters, at most 4; `subject` is a filter of every type.
/// The calls that use the type validate it.
///
/// ```
/// use salver::events::EventType;
///
/// const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
///
/// let event = EDIT_IN_LANGUAGE.event().subject("documents/7").filter("language", "de");
/// let german = EDIT_IN_LANGUAGE.subscription().filter("language", "de");
/// assert_eq!(event.event_type(), german.event_type());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    name: &'static str,
    filters: &'static [&'static str],
}

impl EventType {
    /// Declares a type.
    #[must_use]
    pub const fn new(name: &'static str, filters: &'static [&'static str]) -> Self {
        Self { name, filters }
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Builds an event of this type. Filters that the type does not declare are invalid.
    #[must_use]
    pub fn event(&self) -> Event {
        Event::of(self.pattern())
    }

    /// Builds a subscription to events of this type. Filters that the type does not declare are invalid.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        Subscription::of(self.pattern())
    }

    fn pattern(&self) -> Pattern {
        Pattern::declared(self.name, self.filters)
    }
}
