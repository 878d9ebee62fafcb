//! The link of a message.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::message::limits::{MAX_LABEL, MAX_URL};
use crate::validate::validate_line;

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

    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_line("action.label", &self.label, MAX_LABEL)?;
        validate_line("action.url", &self.url, MAX_URL)?;
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
