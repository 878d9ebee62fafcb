//! All that is stored about a recipient: to remove it, and to hand it over.
//!
//! Layer: above all modules that store something about recipients.

use serde_json::Value;

#[cfg(feature = "events")]
use crate::events;
use crate::{Error, Recipient, Salver};

impl Salver {
    /// Removes the inbox of a recipient, with its archive, its state, what a recipient has chosen about mails, and the
    /// subscriptions.
    ///
    /// One round trip; with the feature `events` one more, and up to eight for each subscription. On a site with mails also
    /// the deliveries to the recipient, those that wait and those that have failed for good: two more round trips for
    /// each queue, one for each 100 deliveries of the site, and one for each 100 of which some are to the recipient. An
    /// address that is [suppressed](Self::suppress_mail) stays so; only a hash of it is stored.
    ///
    /// Notifications in the inboxes of others keep the recipient as their actor:
    /// [`Inbox::retract`](crate::Inbox::retract) removes them. An event that excludes the
    /// recipient is kept for a day after it was fanned out, for 7 days if endpoints get it, and for 16 days after a
    /// delivery of it has failed.
    ///
    /// For 7 days, a notification whose message was built before the erasure is not added again, so
    /// that neither a job nor an event brings it back. Later notifications are.
    ///
    /// # Errors
    ///
    /// As [`Inbox::mark`](crate::Inbox::mark). Repeating is safe, and erases again.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a part of the data may have been removed. Repeating is safe.
    pub async fn erase(&self, recipient: &Recipient) -> Result<(), Error> {
        let inbox = self.inbox(recipient);
        let erase = async {
            // First: an event that is published meanwhile finds no subscription, or is older than the erasure of the inbox.
            #[cfg(feature = "events")]
            events::erase(self, recipient).await?;
            inbox.erase().await?;
            #[cfg(feature = "mail")]
            inbox.erase_deliveries().await?;
            Ok(())
        };
        erase
            .await
            .map_err(|error: Error| error.with_operation("erase"))
    }

    /// Returns the notifications of a recipient as JSON, for a request for their data.
    ///
    /// `recipient`, and the lists `notifications` and `archived`, newest first, each with all
    /// stored fields; with the feature `mail` also `mail`, the chosen cadence of each kind; with the feature `events` also
    /// `subscriptions`, with the type, the filters and the description of each. One round trip for each 100
    /// notifications, one for the cadences, and one for the subscriptions.
    ///
    /// # Errors
    ///
    /// As [`Inbox::list`](crate::Inbox::list).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn export(&self, recipient: &Recipient) -> Result<Value, Error> {
        let export = async {
            #[cfg_attr(
                not(feature = "events"),
                expect(unused_mut, reason = "nothing is added")
            )]
            let mut exported = self.inbox(recipient).export().await?;
            #[cfg(feature = "events")]
            if let Some(exported) = exported.as_object_mut() {
                let subscriptions = events::export(self, recipient).await?;
                exported.insert("subscriptions".to_owned(), subscriptions);
            }
            Ok(exported)
        };
        export
            .await
            .map_err(|error: Error| error.with_operation("export"))
    }
}
