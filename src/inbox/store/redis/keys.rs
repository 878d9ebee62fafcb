//! The keys of one recipient. The recipient is their hash tag, so that all are in one hash slot.

use crate::context::encode;
use crate::inbox::store::store_trait::{InboxKey, Place};

/// What a key holds. The name is a part of the key.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Inbox,
    Notifications,
    Unread,
    Archived,
    Removed,
    Groups,
    State,
    Erased,
}

// The keys of each script, in its order. A reply begins with the first key of its request, by which
// it is recognised: the scripts of one recipient have different ones. `list` begins with its place.

pub(super) const ADD: [Part; 8] = [
    Part::Groups,
    Part::Inbox,
    Part::Notifications,
    Part::Unread,
    Part::Archived,
    Part::Removed,
    Part::State,
    Part::Erased,
];
pub(super) const MARK: [Part; 7] = [
    Part::Removed,
    Part::Inbox,
    Part::Notifications,
    Part::Unread,
    Part::Archived,
    Part::Groups,
    Part::State,
];
pub(super) const MARK_UPTO: [Part; 5] = [
    Part::Notifications,
    Part::Inbox,
    Part::Unread,
    Part::Archived,
    Part::State,
];
pub(super) const COUNTS: [Part; 3] = [Part::State, Part::Inbox, Part::Unread];
pub(super) const ERASE: [Part; 8] = [
    Part::Erased,
    Part::Inbox,
    Part::Notifications,
    Part::Unread,
    Part::Archived,
    Part::Removed,
    Part::Groups,
    Part::State,
];

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Notifications => "notifications",
            Self::Unread => "unread",
            Self::Archived => "archived",
            Self::Removed => "removed",
            Self::Groups => "groups",
            Self::State => "inbox-state",
            Self::Erased => "erased",
        }
    }
}

impl From<Place> for Part {
    fn from(place: Place) -> Self {
        match place {
            Place::Inbox => Self::Inbox,
            Place::Unread => Self::Unread,
            Place::Archived => Self::Archived,
        }
    }
}

/// Returns the keys of a recipient, `app!inbox:{recipient}` and so on.
pub(super) fn keys(inbox: InboxKey<'_>, parts: &[Part]) -> Vec<String> {
    let (app, recipient) = (encode(inbox.app), encode(inbox.recipient.as_str()));
    let key = |part: &Part| format!("{app}!{}:{{{recipient}}}", part.name());
    parts.iter().map(key).collect()
}
