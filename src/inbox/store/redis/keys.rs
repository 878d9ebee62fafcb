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

/// The keys of an inbox, in the order in which the scripts that change it take them.
pub(super) const INBOX: [Part; 7] = [
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
