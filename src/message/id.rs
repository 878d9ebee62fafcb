//! The id of a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::Error;

/// The greatest counter that the 12 bits of a UUIDv7 hold.
const MAX_COUNTER: u16 = 0xfff;

/// The id of a message: a UUIDv7, so that ids sort by creation time.
///
/// The ids that [`new`](Self::new) creates in one process are strictly increasing. `Display` and
/// `FromStr` use the 36 characters of the hyphenated lower-case form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Creates the id of a new message, with the current time of the system clock.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an id is never a default value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Derives the id of a message from the job that adds it, so that a rerun of the job adds no
    /// duplicate.
    ///
    /// The same arguments always return the same id. If a worker dies and the queue reruns its job,
    /// the messages that the job added before exist once.
    ///
    /// - `started_at`: when the job was first enqueued. It must be the same in every run: keep it
    ///   in the arguments of the job.
    /// - `job_id`: the id of the job in its queue.
    /// - `step`: the number of the message within the job. Messages of one job are shown in the
    ///   order of their steps up to 4,095; beyond that their order is arbitrary.
    ///
    /// The age of the message counts from `started_at`. Beyond
    /// [`max_age`](crate::SalverBuilder::max_age) (24 hours by default) it is not shown.
    ///
    /// The result is a UUIDv7 of
    /// [RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7). It contains
    /// `started_at` in Unix milliseconds, and the step as its counter. Its random part is the last
    /// 62 bits of the first eight bytes of
    /// SHA-256(`salver1 step` | 0 | job id | 0 | step in decimal digits).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use salver::{Message, MessageId};
    ///
    /// let started_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
    /// let id = MessageId::for_job_step(started_at, "import-7", 2);
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

    /// Derives an id from a digest: 48 bits of time, then the first ten bytes of the digest with the
    /// version and the variant set.
    #[cfg(feature = "inbox")]
    pub(crate) fn from_digest(unix_ms: u64, digest: [u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, ..] = digest;
        let random = [a, b, c, d, e, f, g, h, i, j];
        Self(Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
    }

    /// Returns the time in the id, in Unix milliseconds of the clock of the process that created
    /// it.
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

    /// Accepts a UUIDv7 and rejects any other version, since ids must sort by time.
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

    /// Parses a hyphenated UUIDv7 of 36 characters in lower case; no other form is accepted.
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
