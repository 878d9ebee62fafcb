//! The names of changes in forms and JSON.

use serde::Deserialize;

use crate::inbox::store::Change;

/// What a request changes, by its name in forms and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChangeName {
    Read,
    Unread,
    Archive,
    Restore,
    Delete,
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
