//! The link by which a mail is unsubscribed from, without a login.

use serde::{Deserialize, Serialize};

use crate::inbox::InboxRow;
use crate::mail::link::{Purpose, masked};
use crate::mail_settings::MailSettings;
use crate::{Recipient, Salver};

/// Path of the page, from the root of the site.
pub(super) const PATH: &str = "/salver/mail/unsubscribe";
/// Longest kinds and ids of one link in bytes, together: the line of a header has at most 998, by RFC 5322. A mail about
/// more names the words before the first dots of its kinds.
const MAX_CONTENT_BYTES: usize = 200;
/// Most subscriptions of one link, for the same reason.
const MAX_SUBSCRIPTIONS: usize = 8;

/// What a link unsubscribes from. The link does not expire: people unsubscribe from old mails too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unsubscribe {
    #[serde(rename = "to")]
    pub(super) recipient: Recipient,
    /// The kinds that stop.
    pub(super) kinds: Vec<String>,
    /// The ids of the subscriptions that end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subscriptions: Vec<String>,
    /// The address of the mail, with most of its letters hidden.
    pub(super) address: String,
}

impl Unsubscribe {
    /// Returns what a mail with these rows can be unsubscribed from; `None` if all its kinds are critical.
    /// `subscriptions`: those for which an address is notified. They end, and their kinds stay.
    pub(super) fn new(
        settings: &MailSettings,
        (recipient, address): (&Recipient, &str),
        rows: &[InboxRow],
        subscriptions: &[String],
    ) -> Option<Self> {
        let subscriptions = subscriptions.iter().take(MAX_SUBSCRIPTIONS);
        let subscriptions: Vec<_> = subscriptions.map(String::as_str).collect();
        let max_bytes = MAX_CONTENT_BYTES.saturating_sub(bytes(&subscriptions));
        let notifications = rows.iter().flat_map(InboxRow::notifications);
        // An address that is notified of an event has subscribed to it.
        let of_kind =
            notifications.filter(|one| one.event_id().is_none() || recipient.address().is_none());
        let kinds = of_kind.map(|one| one.kind());
        let mut kinds: Vec<_> = kinds.filter(|kind| !settings.is_critical(kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if bytes(&kinds) > max_bytes {
            let first_words = kinds.iter().filter_map(|kind| kind.split('.').next());
            kinds = first_words.collect();
            kinds.dedup();
        }
        while bytes(&kinds) > max_bytes {
            kinds.pop();
        }
        let has_some = !kinds.is_empty() || !subscriptions.is_empty();
        has_some.then(|| Self {
            recipient: recipient.clone(),
            kinds: kinds.into_iter().map(str::to_owned).collect(),
            subscriptions: subscriptions.into_iter().map(str::to_owned).collect(),
            address: masked(address),
        })
    }

    /// Returns the link of one subscription.
    #[cfg(all(feature = "web", feature = "events"))]
    pub(super) fn of_subscription(recipient: &Recipient, id: &str) -> Self {
        Self {
            recipient: recipient.clone(),
            kinds: Vec::new(),
            subscriptions: vec![id.to_owned()],
            address: masked(recipient.address().unwrap_or_default()),
        }
    }

    /// Returns the token of a link; `None` on a site without a secret.
    pub(super) fn token(&self, salver: &Salver) -> Option<String> {
        Purpose::Unsubscribe.sign(salver, self)
    }

    /// Returns what a token was made for; `None` for one that this site has not signed.
    #[cfg(feature = "web")]
    pub(super) fn from_token(salver: &Salver, token: &str) -> Option<Self> {
        Purpose::Unsubscribe.verify(salver, token)
    }
}

/// Returns the length of texts as JSON, with quotes and commas.
fn bytes(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.len() + 3).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_without_subscriptions_is_decoded() {
        let old = r#"{"to":"user:ada","kinds":["order"],"address":"a…@example.org"}"#;
        let decoded: Option<Unsubscribe> = serde_json::from_str(old).ok();
        assert_eq!(
            decoded.as_ref().map(|old| old.kinds.len()),
            Some(1),
            "{decoded:?}"
        );
        let encoded = decoded.and_then(|decoded| serde_json::to_string(&decoded).ok());
        assert_eq!(encoded.as_deref(), Some(old));
    }
}
