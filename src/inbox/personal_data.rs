//! What an inbox and its mails store about a recipient: to remove it, and to hand it over.

use serde_json::{Value, json};

use crate::inbox::limits::MAX_ROWS;
#[cfg(feature = "mail")]
use crate::inbox::mailing::{cancel_jobs, chosen_cadences};
use crate::{Error, Inbox, InboxFilter, Notification};

impl Inbox {
    /// Removes all that is stored in the slot of the recipient, and rejects notifications that were built before.
    ///
    /// # Errors
    ///
    /// Those of the store. Repeating is safe.
    pub(crate) async fn erase(&self) -> Result<(), Error> {
        let store = self.store("erase")?;
        let erase = || store.erase(self.key());
        self.salver.write_idempotent("erase", erase).await
    }

    /// Cancels the deliveries to the recipient.
    ///
    /// # Errors
    ///
    /// Those of the store. Repeating is safe.
    #[cfg(feature = "mail")]
    pub(crate) async fn erase_deliveries(&self) -> Result<(), Error> {
        cancel_jobs(&self.salver, self.recipient()).await
    }

    /// Returns the notifications as JSON, and the chosen cadences.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn export(&self) -> Result<Value, Error> {
        #[cfg_attr(not(feature = "mail"), expect(unused_mut, reason = "nothing is added"))]
        let mut exported = json!({
            "recipient": self.recipient(),
            "notifications": read_all(self, InboxFilter::all()).await?,
            "archived": read_all(self, InboxFilter::archived()).await?,
        });
        #[cfg(feature = "mail")]
        if let Some(exported) = exported.as_object_mut() {
            let chosen = chosen_cadences(self).await?;
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
