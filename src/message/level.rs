//! How loud a message is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How loud a message is, from [`Debug`](Level::Debug) to [`Error`](Level::Error).
///
/// Levels are ordered, `Success` above `Info`, so that a site can keep what is below a
/// [minimum](crate::SalverBuilder::minimum_level) from its visitors. The word in lower case is
/// what stands in the stored message and in the class of the fragment (`salver-success`).
///
/// ```
/// use salver::Level;
///
/// assert!(Level::Success > Level::Info);
/// assert_eq!(Level::Warning.to_string(), "warning");
/// assert_eq!("error".parse::<Level>()?, Level::Error);
/// # Ok::<(), salver::Error>(())
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// For the people who build the site.
    Debug,
    /// Something happened. The default of a stored message that names no level.
    #[default]
    Info,
    /// What the visitor wanted has been done.
    Success,
    /// It was done, and there is something to know about it.
    Warning,
    /// It was not done.
    Error,
}

impl Level {
    /// Every level, from the quietest to the loudest.
    pub const ALL: [Self; 5] = [
        Self::Debug,
        Self::Info,
        Self::Success,
        Self::Warning,
        Self::Error,
    ];

    /// Gives the word of the level in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == word)
            .ok_or_else(|| {
                Error::invalid(
                    "level",
                    "is none of debug, info, success, warning and error",
                )
            })
    }
}
