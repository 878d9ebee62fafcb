//! The parts of a message that are more than words.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::message::limits::{MAX_LABEL, MAX_URL};
use crate::validate::check_line;
use crate::{Error, Level};

/// Shortest and longest autoclose. Nobody reads faster; after a day the page is gone.
const AUTOCLOSE: RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(24 * 60 * 60);

/// How the text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Characters, shown as they are.
    #[default]
    Plain,
    /// Markdown, drawn and sanitised with the feature `markdown`, shown as it is without.
    Markdown,
}

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
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            Self::After(time) if !AUTOCLOSE.contains(&time) => Err(Error::invalid(
                "autoclose",
                "is not between 500 ms and 24 hours",
            )),
            _ => Ok(()),
        }
    }

    /// What [`Autoclose::ByLevel`] means for messages that may go by themselves.
    const BY_LEVEL: u64 = 5000;

    /// Gives the milliseconds after which a message of this level goes, if it does.
    #[must_use]
    pub fn millis(self, level: Level) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::ByLevel => (level < Level::Warning).then_some(Self::BY_LEVEL),
            Self::After(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// One thing that the visitor can do about it: a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    label: String,
    url: String,
}

impl Action {
    pub(crate) fn new(label: String, url: String) -> Self {
        Self { label, url }
    }

    /// Gives the words on the link.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Gives where it leads: an `http` or `https` address, or a path of this site.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_line("action.label", &self.label, MAX_LABEL)?;
        check_line("action.url", &self.url, MAX_URL)?;
        if is_link(&self.url) {
            Ok(())
        } else {
            Err(Error::invalid(
                "action.url",
                "is neither an http or https address nor a path that begins with one slash",
            ))
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").finish_non_exhaustive()
    }
}

impl From<Duration> for Autoclose {
    fn from(time: Duration) -> Self {
        Self::After(time)
    }
}

/// Tells whether a link leads to the web or to this site, as a browser would read it.
///
/// A path is resolved against an address, since browsers take `//host`, `/\host` and paths with tabs
/// in them for other hosts.
fn is_link(link: &str) -> bool {
    if !link.starts_with('/') {
        return url::Url::parse(link).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
        });
    }
    let Ok(site) = url::Url::parse("https://site.invalid/") else {
        return false;
    };
    site.join(link)
        .is_ok_and(|url| url.origin() == site.origin())
        && !link.contains('\\')
        // The one host that would be taken for this site.
        && !link.starts_with("//")
}
