//! Change notifications, and the pending index that pages consult before a query.

use std::sync::Arc;

use crate::Context;
use crate::handle::salver::Salver;
use crate::store::{Changes, Listener};
#[cfg(feature = "web")]
use crate::{SessionId, View};

impl Salver {
    /// Listens for changes that a page of this context may show: to its own messages and to those
    /// of [`View::ANY`](crate::View::ANY).
    ///
    /// The [`Listener`] reports that something may have changed; read the messages then. All
    /// listeners of a process share one connection, in a Redis Cluster one to each primary. Where no
    /// connection reports changes, as with a connection pool, a listener reports a possible change
    /// once a second.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # use salver::{Message, Salver, SessionId};
    /// # let salver = Salver::memory("shop")?;
    /// let context = salver.context(SessionId::new("ada")?, "orders")?;
    /// let mut listener = salver.listen(&context);
    /// # salver.add(&context, Message::info("Your order has left.")).await?;
    /// listener.changed().await;
    /// for message in salver.take(&context).await? {
    ///     println!("{}", message.text());
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn listen(&self, context: &Context) -> Listener {
        self.listen_to(context.app(), &context.contexts_to_read())
    }

    /// Listens for changes of contexts of one application.
    pub(crate) fn listen_to(&self, app: &str, contexts: &[Context]) -> Listener {
        let changes = self.shared.store.changes(app);
        let changes = changes.unwrap_or_else(|| Arc::new(Changes::polling()));
        changes.listen(contexts)
    }
}

#[cfg(feature = "web")]
impl Salver {
    /// Returns the change notifications with a pending index, if the store and the configuration
    /// provide them.
    pub(crate) fn page_changes(&self) -> Option<Arc<Changes>> {
        if !self.config().pending_index {
            return None;
        }
        let changes = self.shared.store.page_changes(&self.app)?;
        #[cfg(feature = "redis")]
        changes.enable_index();
        Some(changes)
    }

    /// Returns whether the pending index is certain that a page has nothing to show.
    pub(crate) fn is_known_empty(&self, session: &SessionId, view: &View) -> bool {
        let changes = self.changes.as_ref();
        changes.is_some_and(|changes| changes.is_known_empty(&self.app, session, view))
    }

    /// Returns whether this handle has a pending index. The requests of a visitor who has just
    /// changed something must bypass it.
    pub(crate) fn has_index(&self) -> bool {
        self.changes.is_some()
    }
}
