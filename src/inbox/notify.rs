//! Adding notifications.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use crate::inbox::encoding::EncodedNotification;
use crate::inbox::sender::Sender;
use crate::{Error, Notification, Recipient, Salver};

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
        let sender = Sender::new(self)
            .await
            .map_err(|error| error.with_operation("notify"))?;
        let notify = |recipient| notify_one(self, &sender, &encoded, recipient);
        // Not `buffered`: a future that holds its closure cannot be spawned.
        let (mut waiting, mut adds) = (recipients.iter(), FuturesOrdered::new());
        let first = waiting.by_ref().take(MAX_CONCURRENT_ADDS);
        for recipient in first {
            adds.push_back(notify(recipient));
        }
        let mut first_failure = Ok(());
        while let Some(outcome) = adds.next().await {
            first_failure = first_failure.and(outcome);
            if let Some(recipient) = waiting.next() {
                adds.push_back(notify(recipient));
            }
        }
        first_failure
    }
}

/// Adds a notification to one inbox, and the job that mails it.
async fn notify_one(
    salver: &Salver,
    sender: &Sender,
    encoded: &EncodedNotification<'_>,
    recipient: &Recipient,
) -> Result<(), Error> {
    let id = encoded.notification().id_for(salver.app(), recipient);
    #[cfg(feature = "mail")]
    if let Some(job) = sender.add(encoded, recipient, id).await? {
        job.enqueue(salver).await?;
    }
    #[cfg(not(feature = "mail"))]
    sender.add(encoded, recipient, id).await?;
    Ok(())
}
