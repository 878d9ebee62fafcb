//! What the calls on an inbox return.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Notification;

/// The state into which notifications are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReadState {
    /// In the inbox, and read.
    Read,
    /// In the inbox, and unread.
    Unread,
    /// Archived, and read.
    Archived,
}

/// How many notifications an inbox has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InboxCounts {
    /// Unread ones that are newer than the last one that was seen: what a badge shows as new.
    pub unseen: u64,
    /// Unread ones, whether they were seen or not.
    pub unread: u64,
    /// All that are not archived, read or not.
    pub total: u64,
    /// The highest position of those; 0 if there are none.
    #[serde(skip)]
    pub(super) newest: u64,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InboxPage {
    /// The rows.
    pub rows: Vec<InboxRow>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<String>,
    /// Unread notifications of the whole inbox, when the page was read.
    pub unread: u64,
    /// Those of them that are unseen.
    pub unseen: u64,
    /// The position of the newest notification that was read, also if it cannot be decoded; 0 if there is none.
    #[serde(skip)]
    pub(super) newest_read: u64,
}

/// One row of a list: a notification, or those of one group and day. `Debug` omits the
/// names.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InboxRow {
    /// The newest one.
    pub newest: Notification,
    /// The others that match the filter, newest first.
    pub older: Vec<Notification>,
    /// How many there are, with those that were removed because the group was full.
    pub count: u64,
    /// How many of them are unread.
    pub unread: u64,
    /// The names of the actors, each once, newest first. Empty if no notification has one.
    pub actors: Vec<String>,
}

impl InboxRow {
    /// Returns the notifications of the row, newest first.
    pub fn notifications(&self) -> impl Iterator<Item = &Notification> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl fmt::Debug for InboxRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxRow")
            .field("newest", &self.newest)
            .field("count", &self.count)
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}
