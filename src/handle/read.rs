//! Reading without a claim.

use crate::handle::salver::Salver;
use crate::{Context, Error, Message, SessionId, telemetry};

impl Salver {
    /// Reads what a page of this context would show, its own and that of
    /// [`View::ANY`](crate::View::ANY), and changes nothing. One round trip.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable).
    pub async fn peek(&self, context: &Context) -> Result<Vec<Message>, Error> {
        let contexts = context.read_contexts();
        let peek = self.store.peek(&contexts, self.config().limits.max_age);
        Ok(self.read("peek", peek).await?.messages)
    }

    /// Counts what is pending in exactly this context. One round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn count(&self, context: &Context) -> Result<usize, Error> {
        let context = std::slice::from_ref(context);
        let peek = self.store.peek(context, self.config().limits.max_age);
        Ok(self.read("count", peek).await?.messages.len())
    }

    /// Lists the contexts of a session on which something is pending. One round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn contexts(&self, session: &SessionId) -> Result<Vec<Context>, Error> {
        let views = self.read("contexts", self.store.contexts(&self.app, session));
        let address = |view| self.context_for(session.clone(), view);
        Ok(views.await?.into_iter().map(address).collect())
    }

    /// Reads what a page of this context would show and removes it at once: shown at most once, and lost
    /// if the reader fails. Prefer [`claim`](Self::claim).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); when in doubt, the messages may be gone.
    ///
    /// # Cancel safety
    ///
    /// None: dropped halfway, the messages may be gone.
    pub async fn take(&self, context: &Context) -> Result<Vec<Message>, Error> {
        let contexts = context.read_contexts();
        let take = self.store.take(&contexts, self.config().limits.max_age);
        let result = self.write_non_idempotent("take", take).await?;
        telemetry::record_skipped(&self.app, &result.skipped());
        telemetry::record_shown(&self.app, result.messages.len() as u64);
        Ok(result.messages)
    }
}
