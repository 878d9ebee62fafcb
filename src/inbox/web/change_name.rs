//! The names of changes in forms and JSON.

use serde::Deserialize;

use crate::inbox::store::Change;
use crate::inbox::web::selection::Tab;

/// A change of a request, by its name in forms and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChangeName {
    Read,
    Unread,
    Archive,
    Restore,
    Delete,
}

impl ChangeName {
    /// Returns the change of notifications that a request selects in a tab, or by their ids.
    pub(super) fn in_tab(self, tab: Tab) -> Change {
        match (self, tab) {
            (Self::Read, Tab::Archived) | (Self::Restore, _) => Change::Restore,
            (Self::Read, _) => Change::Read,
            (Self::Unread, _) => Change::RestoreUnread,
            (Self::Archive, _) => Change::Archive,
            (Self::Delete, _) => Change::Delete,
        }
    }

    /// Returns the tab of a request that names none.
    pub(super) fn default_tab(self) -> Tab {
        match self {
            Self::Restore => Tab::Archived,
            _ => Tab::All,
        }
    }
}
