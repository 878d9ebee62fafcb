//! Which message it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;

/// Which message this is: a UUIDv7, so that ids sort by the time at which they were made.
///
/// Within one process ids are strictly increasing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Makes the id of a message that comes into being now.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an id is never a default value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Gives the time in the id, in Unix milliseconds by the clock of its writer.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        let (high, _) = self.0.as_u64_pair();
        high >> 16
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Uuid> for MessageId {
    type Error = Error;

    /// Takes a UUIDv7; any other version is refused, since ids have to sort by time.
    fn try_from(uuid: Uuid) -> Result<Self, Error> {
        if uuid.get_version_num() == 7 {
            Ok(Self(uuid))
        } else {
            Err(Error::invalid("id", "is not a UUIDv7"))
        }
    }
}

impl FromStr for MessageId {
    type Err = Error;

    /// Reads the 36 characters of a hyphenated UUIDv7 in lower case, its one spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let uuid = Uuid::try_parse(text)
            .map_err(|cause| Error::invalid("id", "is not a UUIDv7").because(cause))?;
        let id = Self::try_from(uuid)?;
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(Error::invalid(
                "id",
                "is not spelled in lower case with hyphens",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
