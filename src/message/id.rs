//! Which message it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::Error;

/// The greatest counter of a UUIDv7.
const MAX_COUNTER: u16 = 0xfff;

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

    /// Derives the id of a message of a job that may run again: the same each time, so that the message that the job
    /// had added before it was interrupted, and adds again, is there once.
    ///
    /// `begun` is when the job was first given out and stays the same however often it runs: keep it in the job's
    /// arguments. `job` is the id that the queue gave it, `step` which of its messages this is. Messages of one job
    /// are shown in the order of their steps (up to 4,095, beyond it in any), and are as old as `begun`: from the
    /// age limit on (24 hours by default) they are not shown.
    ///
    /// As in a UUIDv7 of [RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7): `begun` in Unix
    /// milliseconds, the step as the counter, and in place of chance the last 62 bits of the first eight bytes of
    /// SHA-256(`salver1 step` | 0 | job | 0 | step in decimal digits).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use salver::{Message, MessageId};
    ///
    /// let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
    /// let id = MessageId::of_step(begun, "import-7", 2);
    /// assert_eq!(id.to_string(), "018bcfe5-6800-7002-acc8-817c1a0cdba3");
    /// let message = Message::info("60 of 120 icons are ready.").with_id(id);
    /// ```
    #[must_use]
    pub fn for_job_step(
        started_at: impl Into<OffsetDateTime>,
        job_id: impl AsRef<[u8]>,
        step: u32,
    ) -> Self {
        let digits = step.to_string();
        let digest = [b"salver1 step", job_id.as_ref(), digits.as_bytes()].join(&0);
        let digest: [u8; 32] = Sha256::digest(digest).into();
        let counter = u16::try_from(step).unwrap_or(u16::MAX).min(MAX_COUNTER);
        let [high, low] = counter.to_be_bytes();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let millis = started_at.into().unix_timestamp_nanos() / 1_000_000;
        let millis = u64::try_from(millis).unwrap_or_default();
        let id = Builder::from_unix_timestamp_millis(millis, &[high, low, a, b, c, d, e, f, g, h]);
        Self(id.into_uuid())
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
            .map_err(|cause| Error::invalid("id", "is not a UUIDv7").with_source(cause))?;
        let id = Self::try_from(uuid)?;
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(Error::invalid(
                "id",
                "is not a lower-case UUID with hyphens",
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
