//! How often a person wants to be mailed.

use std::collections::{BTreeMap, HashMap};

use crate::cadence::Cadence;
use crate::inbox::mailing::site_settings::settings_of;
use crate::inbox::mailing::task::enqueue_waiting;
use crate::inbox::notification::validate_kind;
use crate::inbox::store::{self, MailRule, MailStore};
use crate::kind::{ANY_KIND, prefixes};
use crate::mail_settings::MailSettings;
use crate::{Error, Inbox, Recipient};

/// The preferences of a recipient, as they are stored.
#[derive(Debug, Default)]
pub(crate) struct Preferences(HashMap<String, String>);

impl Preferences {
    pub(super) fn new(stored: HashMap<String, String>) -> Self {
        Self(stored)
    }

    /// Returns how often a recipient is mailed about notifications of a kind at present.
    pub(crate) fn cadence(
        &self,
        settings: &MailSettings,
        recipient: &Recipient,
        kind: &str,
    ) -> Cadence {
        let default = default_cadence(settings, recipient, kind);
        if settings.is_critical(kind) {
            return default;
        }
        let preference = prefixes(kind).find_map(|prefix| self.0.get(prefix));
        // An unknown cadence, of another version, counts as never.
        preference.map_or(default, |cadence| cadence.parse().unwrap_or_default())
    }
}

/// Returns how often a recipient without a preference is mailed. An address has no page, so it is mailed at once.
pub(in crate::inbox) fn default_cadence(
    settings: &MailSettings,
    recipient: &Recipient,
    kind: &str,
) -> Cadence {
    match recipient.address() {
        Some(_) => Cadence::AtOnce,
        None => settings.default_cadence(kind),
    }
}

/// Returns what decides about mails to a recipient; `None` for a site without mails.
pub(in crate::inbox) fn rule<'a>(
    settings: &MailSettings,
    recipient: &Recipient,
    kind: &'a str,
) -> Option<MailRule<'a>> {
    settings.is_enabled().then(|| MailRule {
        default_cadence: default_cadence(settings, recipient, kind).to_string(),
        kind: (!settings.is_critical(kind)).then_some(kind),
    })
}

impl Inbox {
    /// Sets how often the recipient is mailed about notifications of a kind, and of all kinds that begin with it
    /// and a dot; `*` for all. A longer kind goes before a shorter one. Two round trips.
    ///
    /// It counts for what is notified from now on, and for what waits for a mail. At most 100 kinds have a
    /// preference. Preferences do not expire; [`Salver::erase`](crate::Salver::erase) removes them.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a kind of `"a b"` and an hour of 24; [`is_full`](Error::is_full);
    /// those of the store, as for [`mark`](Self::mark). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the preference may have been set. Repeating is safe.
    pub async fn set_mail(&self, kind: &str, cadence: Cadence) -> Result<(), Error> {
        let checked = cadence.validate().and_then(|()| match kind {
            ANY_KIND => Ok(()),
            kind => validate_kind(kind),
        });
        checked.map_err(|error| error.with_operation("set_mail"))?;
        let store = self.mail_store("set_mail")?;
        let text = cadence.to_string();
        let set = || store.set_preference(self.key(), kind, Some(&text));
        self.salver.write_idempotent("set_mail", set).await?;
        // What waits already waits for mails of this cadence now.
        enqueue_waiting(&self.salver, (self.recipient(), kind), cadence)
            .await
            .map_err(|error| error.with_operation("set_mail"))
    }

    /// Removes what the recipient has set for a kind. What the recipient has set for a shorter kind counts again, else
    /// the default of the site. Three round trips; by the default of the site two, and one for each cadence of it.
    ///
    /// # Errors
    ///
    /// As [`set_mail`](Self::set_mail).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the preference may have been removed. Repeating is safe.
    pub async fn reset_mail(&self, kind: &str) -> Result<(), Error> {
        let store = self.mail_store("reset_mail")?;
        let reset = || store.set_preference(self.key(), kind, None);
        self.salver.write_idempotent("reset_mail", reset).await?;
        // What waits already waits for mails of another cadence now.
        let chosen = self.mail().await?;
        let inherited = prefixes(kind).find_map(|prefix| chosen.get(prefix));
        let mut cadences: Vec<_> = inherited.copied().into_iter().collect();
        if inherited.is_none() {
            for (_, cadence) in &settings_of(&self.salver).await?.cadences {
                if !cadences.contains(cadence) {
                    cadences.push(*cadence);
                }
            }
        }
        for cadence in cadences {
            enqueue_waiting(&self.salver, (self.recipient(), kind), cadence)
                .await
                .map_err(|error| error.with_operation("reset_mail"))?;
        }
        Ok(())
    }

    /// Returns what the recipient has set: the cadence by kind. One round trip.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn mail(&self) -> Result<BTreeMap<String, Cadence>, Error> {
        let store = self.mail_store("mail")?;
        let preferences = self
            .salver
            .read("mail", store.preferences(self.key()))
            .await?;
        let preferences = preferences.into_iter();
        let known = preferences.filter_map(|(kind, cadence)| Some((kind, cadence.parse().ok()?)));
        Ok(known.collect())
    }

    pub(super) fn mail_store(
        &self,
        operation: &'static str,
    ) -> Result<std::sync::Arc<dyn MailStore>, Error> {
        let checked = self.recipient().validate();
        checked.map_err(|error| error.with_operation(operation))?;
        store::mails_of(&self.salver)
    }
}
