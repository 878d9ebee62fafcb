//! The tokens of the links in mails.

use serde::Serialize;
#[cfg(feature = "web")]
use serde::de::DeserializeOwned;

use crate::Salver;
use crate::mail::body::one_line;

/// Longest domain of an address that a page shows: the line of a header has at most 998 bytes, by RFC 5322.
const MAX_DOMAIN: usize = 60;

/// What a token is for. It is valid for no other purpose, and for no other application.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Unsubscribe,
    #[cfg(feature = "events")]
    Activate,
}

impl Purpose {
    fn text(self, salver: &Salver) -> String {
        let name = match self {
            Self::Unsubscribe => "unsubscribe",
            #[cfg(feature = "events")]
            Self::Activate => "activate",
        };
        format!("{name} {}", salver.app())
    }

    /// Returns the token of a link; `None` on a site without a secret.
    pub(super) fn sign(self, salver: &Salver, content: &impl Serialize) -> Option<String> {
        let text = serde_json::to_string(content).ok()?;
        let secret = salver.config().mail.secret.as_ref()?;
        Some(secret.sign(&self.text(salver), &text))
    }

    /// Returns what a token was made for; `None` for one that this site has not signed for this purpose.
    #[cfg(feature = "web")]
    pub(super) fn verify<T: DeserializeOwned>(self, salver: &Salver, token: &str) -> Option<T> {
        let (settings, purpose) = (&salver.config().mail, self.text(salver));
        let mut secrets = settings.secret.iter().chain(&settings.old_secret);
        let text = secrets.find_map(|secret| secret.verify(&purpose, token))?;
        serde_json::from_str(&text).ok()
    }
}

/// Returns an address of which a person recognises their own: `a…@example.org`.
pub(super) fn masked(address: &str) -> String {
    let (local_part, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = local_part.chars().next();
    let first = first.map(String::from).unwrap_or_default();
    format!("{first}…@{}", one_line(domain, MAX_DOMAIN))
}
