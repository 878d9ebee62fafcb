//! Whose messages.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::validate::validate_line;

/// Longest session id in bytes. Stops a foreign session layer from making keys of any size.
const MAX_SESSION: usize = 128;

/// Whose messages: an id that opens nothing.
///
/// With the session sources of this crate it is derived from the visitor's secret, so that it may
/// stand in a job's arguments: who has it can leave a message, never read one. Still, `Debug` shows
/// the last four characters only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Takes the id of a session: 1 to 128 bytes, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for 129 bytes, for `"a\nb"`.
    pub fn new(id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        validate_line("session", &id, MAX_SESSION)?;
        Ok(Self(id.into()))
    }

    /// Takes an id that this crate has derived from a secret.
    #[cfg(feature = "web")]
    pub(crate) fn derived(id: &str) -> Self {
        Self(id.into())
    }

    /// Gives the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail: Vec<char> = self.0.chars().rev().take(4).collect();
        let tail: String = tail.into_iter().rev().collect();
        write!(f, "SessionId(..{tail})")
    }
}

impl TryFrom<String> for SessionId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}
