//! What is known without asking, and waiting for what is not.

use std::sync::Arc;

use crate::Context;
use crate::handle::salver::Salver;
use crate::store::{Changes, Listener};
#[cfg(feature = "web")]
use crate::{SessionId, View};

impl Salver {
    /// Watches a context: tells when something may have changed for a page of it, its own messages and those
    /// of [`View::ANY`](crate::View::ANY).
    ///
    /// No connection for each watch: all of a process share the one that tells of changes. Where there is none,
    /// as in a Cluster, a watch rings once a second.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # use salver::{Message, Salver, SessionId};
    /// # let salver = Salver::memory("shop")?;
    /// let context = salver.context(SessionId::new("ada")?, "orders")?;
    /// let mut watch = salver.watch(&context);
    /// # salver.add(&context, Message::info("Your order has left.")).await?;
    /// watch.rung().await;
    /// for message in salver.take(&context).await? {
    ///     println!("{}", message.text());
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn listen(&self, context: &Context) -> Listener {
        let changes = self.shared.store.changes(context.app());
        let changes = changes.unwrap_or_else(|| Arc::new(Changes::polling()));
        changes.listen(&context.read_contexts())
    }
}

#[cfg(feature = "web")]
impl Salver {
    /// Gives the bell that spares pages their looks, where there is one.
    pub(crate) fn page_changes(&self) -> Option<Arc<Changes>> {
        if !self.config().pending_index {
            return None;
        }
        let changes = self.shared.store.changes(&self.app);
        let changes = changes.filter(|changes| changes.is_synced().is_some())?;
        #[cfg(feature = "redis")]
        changes.enable_index();
        Some(changes)
    }

    /// Tells whether it is known that a page has nothing to show.
    pub(crate) fn is_known_empty(&self, session: &SessionId, view: &View) -> bool {
        let changes = self.changes.as_ref();
        changes.is_some_and(|changes| changes.is_known_empty(&self.app, session, view))
    }

    /// Tells whether pages may not ask: what a visitor did itself has to be asked for all the same.
    pub(crate) fn has_index(&self) -> bool {
        self.changes.is_some()
    }
}
