//! The active subscriptions for which a recipient is notified.

use crate::events::{Subscription, active_subscriptions};
use crate::inbox::{InboxRow, Taken};
use crate::mail::words::Words;
use crate::{Error, Notification, Recipient, Salver};

/// The active subscriptions for which a recipient is notified, oldest first, each with its id.
pub(in crate::mail) struct Reasons(Vec<(String, Subscription)>);

impl Reasons {
    /// Reads the subscriptions that notifications name. One round trip, if there are any.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(in crate::mail) async fn read(
        salver: &Salver,
        recipient: &Recipient,
        taken: &Taken,
    ) -> Result<Self, Error> {
        let named = taken.notifications().flat_map(Notification::subscriptions);
        let mut ids: Vec<_> = named.cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        let active = active_subscriptions(salver, recipient, &ids).await?;
        Ok(Self(active))
    }

    /// Returns whether a notification is one that its recipient has still subscribed to, or that came from no event.
    pub(in crate::mail) fn remain(&self, one: &Notification) -> bool {
        let named = one.subscriptions();
        named.is_empty() || self.0.iter().any(|(id, _)| named.contains(id))
    }

    /// Returns the ids of those that are named by some rows.
    pub(in crate::mail) fn ids(&self, rows: &[InboxRow]) -> Vec<String> {
        let named = self.of(rows);
        named.map(|(id, _)| id.clone()).collect()
    }

    /// Returns what those are for that are named by some rows, each once.
    pub(in crate::mail) fn names(&self, rows: &[InboxRow], words: &Words) -> Vec<String> {
        let mut names: Vec<_> = Vec::new();
        for (_, subscription) in self.of(rows) {
            let name = words.subscription(subscription);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn of<'a>(&'a self, rows: &'a [InboxRow]) -> impl Iterator<Item = &'a (String, Subscription)> {
        self.0.iter().filter(|(id, _)| {
            let mut notifications = rows.iter().flat_map(InboxRow::notifications);
            notifications.any(|one| one.subscriptions().contains(id))
        })
    }
}
