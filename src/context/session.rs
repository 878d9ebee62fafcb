//! The id of a session.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::validate::validate_line;

/// Longest session id in bytes. Stops an external session layer from creating keys of any size.
const MAX_SESSION: usize = 128;

/// The id of a visitor's session. It is no secret.
///
/// The session sources of this crate derive it from the secret token of the visitor. It can
/// therefore be passed to a job: its holder can add messages, and cannot read them through the
/// site. `Debug` prints the last four characters only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Creates a session id.
    ///
    /// `id`: 1 to 128 bytes, not only white space, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for 129 bytes, for `"a\nb"`.
    pub fn new(id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        validate_line("session", &id, MAX_SESSION)?;
        Ok(Self(id.into()))
    }

    /// Wraps an id that this crate has derived from a token, without validating it.
    #[cfg(feature = "web")]
    pub(crate) fn derived(id: &str) -> Self {
        Self(id.into())
    }

    /// Returns the id.
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

    /// Validates the id as [`SessionId::new`] does.
    fn try_from(id: String) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}
