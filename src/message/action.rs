//! The link that a message offers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::message::limits::{MAX_LABEL_BYTES, MAX_URL_BYTES};
use crate::validate::validate_line;

/// The link that a message offers, such as "Look at them". Created by
/// [`Message::action`](crate::Message::action).
///
/// `Debug` omits label and URL, since they are content of the message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    label: String,
    url: String,
}

impl Action {
    pub(crate) fn new(label: String, url: String) -> Self {
        Self { label, url }
    }

    /// Returns the text of the link: one line, 1 to 128 bytes in a valid message.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the target of the link: an `http` or `https` URL, or a path of this site, at most
    /// 2,048 bytes in a valid message.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_line("action.label", &self.label, MAX_LABEL_BYTES)?;
        validate_line("action.url", &self.url, MAX_URL_BYTES)?;
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

/// Returns whether a browser resolves a link to an `http` or `https` URL or to a path of this site.
///
/// A path is resolved against a URL, since browsers resolve `//host`, `/\host` and some paths with
/// tabs to other hosts.
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
        // `//site.invalid` has the origin of the base URL used here.
        && !link.starts_with("//")
}
