//! What a site knows about a person.

use std::fmt;

use crate::Recipient;

/// What a site knows about a recipient. Returned by the closure of
/// [`Worker::profiles`](crate::jobs::Worker::profiles), read when it is needed and never stored.
///
/// `Debug` prints the recipient only.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    pub(crate) recipient: Recipient,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) time_zone: Option<String>,
}

impl Profile {
    /// Begins the profile of a recipient.
    #[must_use]
    pub fn new(recipient: Recipient) -> Self {
        Self {
            recipient,
            email: None,
            name: None,
            locale: None,
            time_zone: None,
        }
    }

    /// Sets the e-mail address. Default: none, the recipient is not mailed.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>) -> Self {
        self.email = Some(address.into());
        self
    }

    /// Sets the name, for the address line of mails. Line ends and other control characters become spaces;
    /// it is cut after 100 characters. Default: none.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the language, such as `de`: the argument of
    /// [`Mailer::translate`](crate::mail::Mailer::translate). Default: none, the language in which messages were
    /// written.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Sets the time zone of digests by its name in the IANA database, such as `Europe/Berlin`. Default: UTC,
    /// also for a name that is unknown.
    #[must_use]
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = Some(name.into());
        self
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("recipient", &self.recipient)
            .finish_non_exhaustive()
    }
}
