//! What a site sets about mails.

use std::sync::Arc;

use crate::SalverBuilder;
use crate::cadence::Cadence;
use crate::mail_settings::MailSettings;
use crate::secret::Secret;

impl SalverBuilder {
    /// Sets the address of the site, such as `https://shop.example`: the beginning of all links in mails, whose paths
    /// begin at its root. Default: none, and nothing is mailed. Set [`secret`](Self::secret) too.
    ///
    /// Links in mails are never made from the `Host` header of a request, which anyone can choose.
    /// [`build`](Self::build) refuses an address that is neither http nor https, or has a user, a query or a
    /// fragment.
    ///
    /// All processes of a site need the same settings of mails: those that notify decide what is mailed, and
    /// workers mail it.
    #[must_use]
    pub fn site(mut self, address: impl Into<String>) -> Self {
        self.mail_settings().site = Some(address.into());
        self
    }

    /// Sets the secret that signs the links in mails by which people unsubscribe: at least 32 random bytes, the
    /// same in all processes of the site. Default: none, and a worker with a mailer does not start.
    #[must_use]
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.mail_settings().secret = Some(Secret::new(secret.as_ref()));
        self
    }

    /// Sets the secret that was used before, so that the links in old mails still work, and endpoints with a secret that was
    /// derived from it still verify what is delivered to them. Default: none.
    #[must_use]
    pub fn old_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.mail_settings().old_secret = Some(Secret::new(secret.as_ref()));
        self
    }

    /// Sets how often people are mailed about notifications of a kind, and of all kinds that begin with it and
    /// a dot; `*` for all. A person can choose otherwise. Default: never.
    ///
    /// A longer kind goes before a shorter one. [`build`](Self::build) refuses an hour of 24, and a time that
    /// is not between 1 second and 30 days.
    #[must_use]
    pub fn default_cadence(mut self, kind: impl Into<String>, cadence: Cadence) -> Self {
        self.mail_settings().cadences.push((kind.into(), cadence));
        self
    }

    /// Sets the kinds that are mailed whatever people have chosen, such as `security`, and all kinds that begin
    /// with them and a dot: at their [`default_cadence`](Self::default_cadence), or at once. Default: none.
    #[must_use]
    pub fn critical<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        let kinds = kinds.into_iter().map(Into::into);
        self.mail_settings().critical.extend(kinds);
        self
    }

    fn mail_settings(&mut self) -> &mut MailSettings {
        Arc::make_mut(&mut self.config.mail)
    }
}
