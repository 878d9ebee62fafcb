//! The severity of a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The severity of a message, from [`Debug`](Level::Debug) to [`Error`](Level::Error).
///
/// Levels are ordered, and `Success` is above `Info`. A site can discard the messages below a
/// [minimum](crate::SalverBuilder::minimum_level). The lower-case name is used in the stored
/// message and in the CSS class of the fragment (`salver-success`).
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
    /// For the developers of the site.
    Debug,
    /// Something happened. The level of a stored message that has none.
    #[default]
    Info,
    /// An action of the visitor succeeded.
    Success,
    /// An action succeeded, with a consequence that the visitor should know.
    Warning,
    /// An action failed.
    Error,
}

impl Level {
    /// All levels in ascending order.
    pub const ALL: [Self; 5] = [
        Self::Debug,
        Self::Info,
        Self::Success,
        Self::Warning,
        Self::Error,
    ];

    /// Returns the lower-case name of the level.
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

    /// Parses the lower-case name of a level.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or_else(|| {
                Error::invalid(
                    "level",
                    "is none of debug, info, success, warning and error",
                )
            })
    }
}
