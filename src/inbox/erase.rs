//! All that is stored about a recipient: to remove it, and to hand it over.

use serde_json::{Value, json};

use crate::inbox::limits::MAX_ROWS;
use crate::{Error, Inbox, InboxFilter, Notification, Recipient, Salver};

impl Salver {
    /// Removes the inbox of a recipient, with its archive and its state. One round trip.
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
            .await
    }

    /// Returns the notifications of a recipient as JSON, for a request for their data.
    ///
    /// `recipient`, and the lists `notifications` and `archived`, newest first, each with all
    /// stored fields. One round trip for each 100 notifications.
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
        Ok(json!({
            "recipient": recipient,
            "notifications": notifications,
            "archived": archived,
        }))
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
