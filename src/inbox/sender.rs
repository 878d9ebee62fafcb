//! Adding one notification to one inbox.

use std::sync::Arc;

use crate::inbox::encoding::EncodedNotification;
use crate::inbox::key::InboxKey;
#[cfg(feature = "mail")]
use crate::inbox::mailing::{self, MailJob};
use crate::inbox::store::{self, AddOutcome, InboxStore, NewNotification};
#[cfg(feature = "mail")]
use crate::mail_settings::MailSettings;
use crate::{Error, MessageId, Recipient, Salver, telemetry};

#[cfg(not(feature = "mail"))]
type MailJob = std::convert::Infallible;

/// Adds notifications to inboxes.
pub(crate) struct Sender {
    salver: Salver,
    store: Arc<dyn InboxStore>,
    #[cfg(feature = "mail")]
    settings: Arc<MailSettings>,
}

impl Sender {
    /// # Errors
    ///
    /// `is_misconfigured` for a custom store; those of the store, if it has to be asked whether the site sends mails.
    #[cfg_attr(
        not(feature = "mail"),
        expect(clippy::unused_async, reason = "only the settings of mails are read")
    )]
    pub(crate) async fn new(salver: &Salver) -> Result<Self, Error> {
        Ok(Self {
            store: store::of(salver)?,
            #[cfg(feature = "mail")]
            settings: mailing::settings_of(salver).await?,
            salver: salver.clone(),
        })
    }

    /// Returns whether the site sends mails.
    #[cfg(feature = "events")]
    pub(crate) fn sends_mails(&self) -> bool {
        self.settings.is_enabled()
    }

    /// Adds a notification under an id, once. Returns the job that mails it, which the caller has to add; `None` if it is
    /// not mailed.
    ///
    /// # Errors
    ///
    /// Those of the store. Repeating is safe.
    pub(crate) async fn add(
        &self,
        encoded: &EncodedNotification<'_>,
        recipient: &Recipient,
        id: MessageId,
    ) -> Result<Option<MailJob>, Error> {
        let Self { salver, store, .. } = self;
        let inbox = InboxKey {
            app: salver.app(),
            recipient,
        };
        let member = encoded.member_for(recipient, id);
        #[cfg(feature = "mail")]
        let mail = mailing::rule(&self.settings, recipient, encoded.notification().kind());
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
        record(salver, reply.outcome);
        #[cfg(feature = "mail")]
        return mailing::job_after_add(&self.settings, (recipient, id), &reply);
        #[cfg(not(feature = "mail"))]
        Ok(None)
    }
}

fn record(salver: &Salver, outcome: AddOutcome) {
    let reason = match outcome {
        AddOutcome::Added { displaced, .. } => {
            telemetry::record_notified(salver.shared_app(), 1);
            telemetry::record_displaced_notifications(salver.shared_app(), displaced);
            return;
        }
        AddOutcome::Duplicate => "duplicate",
        AddOutcome::Removed => "removed",
        AddOutcome::Superseded => "superseded",
        AddOutcome::Erased => "erased",
    };
    telemetry::record_ignored_notification(salver.shared_app(), reason);
}
