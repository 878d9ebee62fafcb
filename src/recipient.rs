//! The person who is notified.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};
use url::Host;

use crate::Error;
use crate::validate::{too_long, validate_line};

/// Longest id of a user in bytes. Stops an id from user input from creating keys of any size.
const MAX_USER_ID_BYTES: usize = 128;
/// Longest e-mail address in bytes: that of a mailbox in RFC 5321.
const MAX_ADDRESS_BYTES: usize = 254;

const USER: &str = "user:";
const EMAIL: &str = "email:";

/// The person who is notified: a user of the site, or an e-mail address without a user.
///
/// The text form is `user:{id}` or `email:{address}`; `Display`, `FromStr` and serde use it.
/// `Debug` prints the last four characters only.
///
/// As an extractor, it is the recipient that
/// [`Middleware::recipient`](crate::web::Middleware::recipient) finds for the request. Without one
/// the extractor fails with [`is_anonymous`](Error::is_anonymous), status 401.
///
/// ```
/// use salver::Recipient;
///
/// let ada = Recipient::user(7);
/// assert_eq!(ada.to_string(), "user:7");
/// assert_eq!(ada.user_id(), Some("7"));
///
/// let guest = Recipient::email("Ada@Example.ORG")?;
/// assert_eq!(guest.address(), Some("ada@example.org"));
/// # Ok::<(), salver::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(Arc<str>);

impl Recipient {
    /// Creates the recipient of a user: the site's own id, such as the primary key of its table.
    ///
    /// 1 to 128 bytes, not only white space, no control character. The call that uses the recipient
    /// checks it.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids are passed by value or by reference"
    )]
    pub fn user(id: impl ToString) -> Self {
        Self(format!("{USER}{}", id.to_string()).into())
    }

    /// Creates the recipient of an e-mail address without a user.
    ///
    /// ASCII letters become lower case, and the domain becomes Punycode, so that two spellings of
    /// one address are one recipient. At most 254 bytes.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, `"ada"`, `"ada@"`, `"Ada <ada@example.org>"`,
    /// and for an IP address as the domain.
    pub fn email(address: &str) -> Result<Self, Error> {
        let options = Options {
            allow_display_text: false,
            allow_domain_literal: false,
            ..Options::default()
        };
        let parsed = EmailAddress::parse_with_options(address, options).map_err(|cause| {
            Error::invalid("address", "is not an e-mail address").with_source(cause)
        })?;
        let domain = Host::parse(parsed.domain())
            .map_err(|cause| Error::invalid("address", "has no valid domain").with_source(cause))?;
        let Host::Domain(domain) = domain else {
            return Err(Error::invalid("address", "has an IP address as its domain"));
        };
        let local_part = parsed.local_part().to_ascii_lowercase();
        let address = format!("{local_part}@{domain}");
        match address.len() > MAX_ADDRESS_BYTES {
            true => Err(too_long("address", MAX_ADDRESS_BYTES)),
            false => Ok(Self(format!("{EMAIL}{address}").into())),
        }
    }

    /// Returns the id of a user; `None` for an e-mail address.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.0.strip_prefix(USER)
    }

    /// Returns the e-mail address; `None` for a user.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.0.strip_prefix(EMAIL)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks the id of a user, which the constructor does not.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        match self.user_id() {
            Some(id) => validate_line("recipient", id, MAX_USER_ID_BYTES),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.0.chars().count();
        let tail: String = self.0.chars().skip(characters.saturating_sub(4)).collect();
        write!(f, "Recipient(..{tail})")
    }
}

impl FromStr for Recipient {
    type Err = Error;

    /// Parses `user:{id}` or `email:{address}`.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(address) = text.strip_prefix(EMAIL) {
            return Self::email(address);
        }
        let id = text.strip_prefix(USER).ok_or_else(|| {
            Error::invalid(
                "recipient",
                "is not of the form `user:{id}` or `email:{address}`",
            )
        })?;
        let recipient = Self::user(id);
        recipient.validate()?;
        Ok(recipient)
    }
}

impl TryFrom<String> for Recipient {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.0.as_ref().to_owned()
    }
}
