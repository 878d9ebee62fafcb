//! The link by which a mail is unsubscribed from, without a login.

use serde::{Deserialize, Serialize};

use crate::inbox::InboxRow;
use crate::mail::body::one_line;
use crate::mail_settings::MailSettings;
use crate::{Recipient, Salver};

/// Path of the page, from the root of the site.
pub(super) const PATH: &str = "/salver/mail/unsubscribe";
/// Longest kinds of one link in bytes, together: the line of a header has at most 998, by RFC 5322. A mail about
/// more names the words before their first dots.
const MAX_KINDS_BYTES: usize = 200;
/// Longest domain that a link shows, for the same reason.
const MAX_DOMAIN: usize = 60;

/// What a link unsubscribes from. The link does not expire: people unsubscribe from old mails too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unsubscribe {
    #[serde(rename = "to")]
    pub(super) recipient: Recipient,
    pub(super) kinds: Vec<String>,
    /// The address of the mail, with most of its letters hidden.
    pub(super) address: String,
}

impl Unsubscribe {
    /// Returns what a mail with these rows can be unsubscribed from; `None` if all its kinds are critical.
    pub(super) fn new(
        settings: &MailSettings,
        recipient: &Recipient,
        address: &str,
        rows: &[InboxRow],
    ) -> Option<Self> {
        let notifications = rows.iter().flat_map(InboxRow::notifications);
        let kinds = notifications.map(|one| one.kind());
        let mut kinds: Vec<_> = kinds.filter(|kind| !settings.is_critical(kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if bytes(&kinds) > MAX_KINDS_BYTES {
            let first_words = kinds.iter().filter_map(|kind| kind.split('.').next());
            kinds = first_words.collect();
            kinds.dedup();
        }
        while bytes(&kinds) > MAX_KINDS_BYTES {
            kinds.pop();
        }
        (!kinds.is_empty()).then(|| Self {
            recipient: recipient.clone(),
            kinds: kinds.into_iter().map(str::to_owned).collect(),
            address: masked(address),
        })
    }

    /// Returns the token of a link; `None` on a site without a secret.
    pub(super) fn token(&self, salver: &Salver) -> Option<String> {
        let text = serde_json::to_string(self).ok()?;
        let secret = salver.config().mail.secret.as_ref()?;
        Some(secret.sign(&purpose(salver), &text))
    }

    /// Returns what a token was made for; `None` for one that this site has not signed.
    #[cfg(feature = "web")]
    pub(super) fn from_token(salver: &Salver, token: &str) -> Option<Self> {
        let (settings, purpose) = (&salver.config().mail, purpose(salver));
        let mut secrets = settings.secret.iter().chain(&settings.old_secret);
        let text = secrets.find_map(|secret| secret.verify(&purpose, token))?;
        serde_json::from_str(&text).ok()
    }
}

/// Returns what a token is for: that of another application or purpose is none.
fn purpose(salver: &Salver) -> String {
    format!("unsubscribe {}", salver.app())
}

/// Returns the length of kinds as JSON, with quotes and commas.
fn bytes(kinds: &[&str]) -> usize {
    kinds.iter().map(|kind| kind.len() + 3).sum()
}

/// Returns an address of which a person recognises their own: `a…@example.org`.
fn masked(address: &str) -> String {
    let (local_part, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = local_part.chars().next();
    let first = first.map(String::from).unwrap_or_default();
    format!("{first}…@{}", one_line(domain, MAX_DOMAIN))
}
