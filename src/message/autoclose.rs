//! When an open page takes a message away.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::Error;
use crate::message::level::Level;

/// Shortest and longest autoclose. Nobody reads faster; after a day the page is gone.
const AUTOCLOSE_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(24 * 60 * 60);

/// When an open page takes the message away by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Autoclose {
    /// What suits the level: errors and warnings stay, everything else goes after 5 seconds.
    #[default]
    ByLevel,
    /// It stays until the visitor closes it.
    Never,
    /// It goes after this time: 500 ms to 24 hours, in whole milliseconds.
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

    /// What [`Autoclose::ByLevel`] means for messages that may go by themselves.
    const DEFAULT_MILLIS: u64 = 5000;

    /// Gives the milliseconds after which a message of this level goes, if it does.
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
