//! The keys of one recipient. The recipient is their hash tag, so that all are in one hash slot.

use crate::context::encode;
use crate::inbox::key::InboxKey;
use crate::inbox::store::store_trait::Place;

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
    Preferences,
    Unmailed,
    Digest,
}

// The keys of each script, in its order. A reply begins with the first key of its request, by which
// it is recognised: the scripts of one recipient have different ones. `list` begins with its place.

pub(super) const ADD: [Part; 7] = [
    Part::Groups,
    Part::Inbox,
    Part::Notifications,
    Part::Unread,
    Part::Archived,
    Part::Removed,
    Part::State,
];
/// Those after [`ADD`] on a site that sends mails.
pub(super) const ADD_MAIL: [Part; 2] = [Part::Preferences, Part::Unmailed];
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
#[cfg(feature = "mail")]
pub(super) const UNMAILED: [Part; 5] = [
    Part::Unmailed,
    Part::Unread,
    Part::Notifications,
    Part::Preferences,
    Part::Digest,
];
#[cfg(feature = "mail")]
pub(super) const BEGIN_MAIL: [Part; 4] = [
    Part::Digest,
    Part::Unmailed,
    Part::Unread,
    Part::Notifications,
];
/// `erase` differs from `add` in the words of its replies.
pub(super) const ERASE: [Part; 10] = [
    Part::Groups,
    Part::State,
    Part::Inbox,
    Part::Notifications,
    Part::Unread,
    Part::Archived,
    Part::Removed,
    Part::Preferences,
    Part::Unmailed,
    Part::Digest,
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
            Self::Preferences => "preferences",
            Self::Unmailed => "unmailed",
            Self::Digest => "digest",
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

/// Returns the beginning of the keys of a part, for all recipients of an application.
#[cfg(feature = "web")]
pub(super) fn prefix(app: &str, part: Part) -> String {
    format!("{}!{}:{{", encode(app), part.name())
}

/// Returns the keys of a recipient, `app!inbox:{recipient}` and so on.
pub(super) fn keys(inbox: InboxKey<'_>, parts: &[Part]) -> Vec<String> {
    let (app, recipient) = (encode(inbox.app), encode(inbox.recipient.as_str()));
    let key = |part: &Part| format!("{app}!{}:{{{recipient}}}", part.name());
    parts.iter().map(key).collect()
}
