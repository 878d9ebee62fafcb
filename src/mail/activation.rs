//! The link that activates a subscription of an address.

use serde::{Deserialize, Serialize};

use crate::events::Request;
use crate::mail::link::Purpose;
use crate::{Recipient, Salver};

/// Path of the page, from the root of the site.
pub(super) const PATH: &str = "/salver/mail/activate";

/// What a link activates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activation {
    #[serde(rename = "to")]
    pub(super) recipient: Recipient,
    /// The id of the subscription.
    pub(super) subscription: String,
    /// Since when the subscription awaits its activation, in Unix milliseconds.
    pub(super) at: u64,
}

impl Activation {
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            recipient: &self.recipient,
            id: &self.subscription,
            at: self.at,
        }
    }

    /// Returns the token of a link; `None` on a site without a secret.
    pub(super) fn token(&self, salver: &Salver) -> Option<String> {
        Purpose::Activate.sign(salver, self)
    }

    /// Returns what a token was made for; `None` for one that this site has not signed.
    #[cfg(feature = "web")]
    pub(super) fn from_token(salver: &Salver, token: &str) -> Option<Self> {
        Purpose::Activate.verify(salver, token)
    }
}
