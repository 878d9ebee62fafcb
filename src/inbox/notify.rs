//! Adding notifications.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use crate::inbox::encoding::EncodedNotification;
#[cfg(feature = "mail")]
use crate::inbox::mailing;
use crate::inbox::store::{self, AddOutcome, InboxKey, InboxStore, NewNotification};
#[cfg(feature = "mail")]
use crate::mail_settings::MailSettings;
use crate::{Error, Notification, Recipient, Salver, telemetry};

/// Adds that wait for the store at the same time. More would delay the calls of pages.
const MAX_CONCURRENT_ADDS: usize = 16;

impl Salver {
    /// Adds a notification to the inbox of each recipient. One round trip for each, 16 at once.
    ///
    /// Call it after the commit of what it reports. Then its failure must not fail the work around
    /// it: `salver.notify([ada], note).await.unwrap_or_else(Error::log)`.
    ///
    /// Each recipient gets an id that is derived from that of the message and from the recipient.
    /// So a repeat with the same notification adds nothing twice, and brings back nothing that was
    /// deleted. A recipient that occurs twice gets it once. Without a reply an add is sent once
    /// more, as in [`add`](Self::add).
    ///
    /// A recipient that was [erased](Self::erase) after the message was built does not get it. If
    /// the inbox has a later notification with the same tag, that one stays.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid), before any round trip: a field that [`Notification`]
    ///   describes, a recipient with an empty id.
    /// - [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    ///   [`is_full`](Error::is_full), [`is_denied`](Error::is_denied), as for [`add`](Self::add).
    /// - [`is_misconfigured`](Error::is_misconfigured): the store is a custom one.
    ///
    /// All recipients are tried; the first failure is returned. Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some recipients may have got it. Repeating is safe.
    pub async fn notify(
        &self,
        recipients: impl IntoIterator<Item = Recipient>,
        notification: Notification,
    ) -> Result<(), Error> {
        let recipients: Vec<_> = recipients.into_iter().collect();
        let encoded = EncodedNotification::new(&notification)
            .and_then(|encoded| {
                recipients.iter().try_for_each(Recipient::validate)?;
                Ok(encoded)
            })
            .map_err(|error| error.with_operation("notify"))?;
        let store = store::of(self)?;
        #[cfg(feature = "mail")]
        let settings = mailing::settings_of(self)
            .await
            .map_err(|error| error.with_operation("notify"))?;
        let sender = Sender {
            salver: self,
            store: &*store,
            encoded: &encoded,
            #[cfg(feature = "mail")]
            settings: &settings,
        };
        // Not `buffered`: a future that holds its closure cannot be spawned.
        let (mut waiting, mut adds) = (recipients.iter(), FuturesOrdered::new());
        let first = waiting.by_ref().take(MAX_CONCURRENT_ADDS);
        for recipient in first {
            adds.push_back(sender.notify(recipient));
        }
        let mut first_failure = Ok(());
        while let Some(outcome) = adds.next().await {
            first_failure = first_failure.and(outcome);
            if let Some(recipient) = waiting.next() {
                adds.push_back(sender.notify(recipient));
            }
        }
        first_failure
    }
}

/// Adds one notification to several inboxes.
struct Sender<'a> {
    salver: &'a Salver,
    store: &'a dyn InboxStore,
    encoded: &'a EncodedNotification<'a>,
    #[cfg(feature = "mail")]
    settings: &'a MailSettings,
}

impl Sender<'_> {
    async fn notify(&self, recipient: &Recipient) -> Result<(), Error> {
        let Self {
            salver,
            store,
            encoded,
            ..
        } = self;
        let inbox = InboxKey {
            app: salver.app(),
            recipient,
        };
        let member = encoded.member_for(salver.app(), recipient);
        #[cfg(feature = "mail")]
        let mail = mailing::rule(self.settings, recipient, encoded.notification().kind());
        #[cfg(not(feature = "mail"))]
        let mail = None;
        let new = NewNotification {
            mail,
            member: &member,
            group: encoded.notification().get_group(),
            order: encoded.notification().id(),
            is_unread: encoded.notification().is_unread(),
        };
        let add = || store.add(inbox, &new);
        let reply = salver.write_idempotent("notify", add).await?;
        #[cfg(feature = "mail")]
        {
            let id = encoded.notification().id_for(salver.app(), recipient);
            mailing::after_add(salver, self.settings, (recipient, id), &reply).await?;
        }
        let reason = match reply.outcome {
            AddOutcome::Added { displaced } => {
                telemetry::record_notified(salver.shared_app(), 1);
                telemetry::record_displaced_notifications(salver.shared_app(), displaced);
                return Ok(());
            }
            AddOutcome::Duplicate => "duplicate",
            AddOutcome::Removed => "removed",
            AddOutcome::Superseded => "superseded",
            AddOutcome::Erased => "erased",
        };
        telemetry::record_ignored_notification(salver.shared_app(), reason);
        Ok(())
    }
}
