//! The time after which an open page removes a message.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::Error;
use crate::message::level::Level;

/// Shortest and longest autoclose. A text cannot be read in less; after a day the page is closed.
const AUTOCLOSE_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(24 * 60 * 60);

/// The time after which an open page removes the message by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Autoclose {
    /// Depends on the level: warnings and errors stay, other messages are removed after 5 seconds.
    #[default]
    ByLevel,
    /// The message stays until the visitor closes it.
    Never,
    /// The message is removed after this time: 500 ms to 24 hours, rounded down to whole
    /// milliseconds.
    After(Duration),
}

impl Autoclose {
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::After(time) if !AUTOCLOSE_RANGE.contains(&time) => Err(Error::invalid(
                "autoclose",
                "is not between 500 ms and 24 hours",
            )),
            _ => Ok(()),
        }
    }

    /// The time of [`Autoclose::ByLevel`] for messages below [`Level::Warning`].
    const DEFAULT_MILLIS: u64 = 5000;

    /// Returns after how many milliseconds a message of this level is removed; `None` if it stays.
    #[must_use]
    pub fn millis(self, level: Level) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::ByLevel => (level < Level::Warning).then_some(Self::DEFAULT_MILLIS),
            Self::After(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<Duration> for Autoclose {
    fn from(time: Duration) -> Self {
        Self::After(time)
    }
}
