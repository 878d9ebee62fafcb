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
    /// Returns the tab of a request that names none.
    pub(super) fn default_tab(self) -> Tab {
        match self {
            Self::Restore => Tab::Archived,
            _ => Tab::All,
        }
    }
}

impl From<ChangeName> for Change {
    fn from(name: ChangeName) -> Self {
        match name {
            ChangeName::Read => Self::Read,
            ChangeName::Unread => Self::Unread,
            ChangeName::Archive => Self::Archive,
            ChangeName::Restore => Self::Restore,
            ChangeName::Delete => Self::Delete,
        }
    }
}
