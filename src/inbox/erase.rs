//! All that is stored about a recipient: to remove it, and to hand it over.

use serde_json::{Value, json};

use crate::inbox::limits::MAX_ROWS;
#[cfg(feature = "mail")]
use crate::inbox::mailing::{cancel_jobs, chosen_cadences};
use crate::{Error, Inbox, InboxFilter, Notification, Recipient, Salver};

impl Salver {
    /// Removes the inbox of a recipient, with its archive, its state, and what a recipient has chosen about mails.
    /// One round trip.
    ///
    /// On a site with mails also the deliveries to the recipient, those that wait and those that have failed for
    /// good: two more round trips for each queue, one for each 100 deliveries of the site, and one for each 100 of
    /// which some are to the recipient. An address that is [suppressed](Self::suppress_mail) stays so; only a hash
    /// of it is stored.
    ///
    /// Notifications in the inboxes of others keep the recipient as their actor:
    /// [`Inbox::retract`] removes them.
    ///
    /// For 7 days, a notification whose message was built before the erasure is not added again, so
    /// that no job brings it back. Later notifications are.
    ///
    /// # Errors
    ///
    /// As [`Inbox::mark`]. Repeating is safe, and erases again.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the data may have been removed. Repeating is safe.
    pub async fn erase(&self, recipient: &Recipient) -> Result<(), Error> {
        let inbox = self.inbox(recipient);
        let store = inbox.store("erase")?;
        self.write_idempotent("erase", || store.erase(inbox.key()))
            .await?;
        #[cfg(feature = "mail")]
        cancel_jobs(self, recipient)
            .await
            .map_err(|error| error.with_operation("erase"))?;
        Ok(())
    }

    /// Returns the notifications of a recipient as JSON, for a request for their data.
    ///
    /// `recipient`, and the lists `notifications` and `archived`, newest first, each with all
    /// stored fields; with the feature `mail` also `mail`, the chosen cadence of each kind. One round trip for
    /// each 100 notifications, and one for the cadences.
    ///
    /// # Errors
    ///
    /// As [`Inbox::list`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn export(&self, recipient: &Recipient) -> Result<Value, Error> {
        let inbox = self.inbox(recipient);
        let notifications = read_all(&inbox, InboxFilter::all()).await;
        let notifications = notifications.map_err(|error| error.with_operation("export"))?;
        let archived = read_all(&inbox, InboxFilter::archived()).await;
        let archived = archived.map_err(|error| error.with_operation("export"))?;
        #[cfg_attr(not(feature = "mail"), expect(unused_mut, reason = "nothing is added"))]
        let mut exported = json!({
            "recipient": recipient,
            "notifications": notifications,
            "archived": archived,
        });
        #[cfg(feature = "mail")]
        if let Some(exported) = exported.as_object_mut() {
            let chosen = chosen_cadences(&inbox).await;
            let chosen = chosen.map_err(|error| error.with_operation("export"))?;
            exported.insert("mail".to_owned(), json!(chosen));
        }
        Ok(exported)
    }
}

async fn read_all(inbox: &Inbox, filter: InboxFilter) -> Result<Vec<Notification>, Error> {
    let filter = filter.ungrouped().limit(MAX_ROWS);
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = inbox.list(&filter, cursor.as_deref()).await?;
        all.extend(page.rows.into_iter().map(|row| row.newest));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}
