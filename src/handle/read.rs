//! Reading without a lease.

use crate::handle::salver::Salver;
use crate::store::ReadResult;
use crate::{Context, Error, Message, SessionId, telemetry};

impl Salver {
    /// Returns the messages that a page of this context would show, its own and those of
    /// [`View::ANY`](crate::View::ANY), and changes nothing. One round trip.
    ///
    /// They are in the order of their ids. Claimed, delayed and expired messages are not included.
    ///
    /// # Errors
    ///
    /// - [`is_unavailable`](Error::is_unavailable): the store is unreachable, or did not reply
    ///   within the [`call_timeout`](crate::SalverBuilder::call_timeout).
    /// - [`is_denied`](Error::is_denied): the store rejected the user or the command.
    /// - [`is_unreadable`](Error::is_unreadable): the key has another type of data.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn peek(&self, context: &Context) -> Result<Vec<Message>, Error> {
        Ok(self.inspect(context).await?.messages)
    }

    /// Reads as [`peek`](Self::peek), and also counts the messages that a page does not show: expired
    /// and malformed ones. `next_due_in` is the time until the next claimed or delayed message is visible.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn inspect(&self, context: &Context) -> Result<ReadResult, Error> {
        let contexts = context.contexts_to_read();
        let peek = self.store.peek(&contexts, self.config().limits.max_age);
        self.read("peek", peek).await
    }

    /// Counts the visible messages of exactly this context, without those of
    /// [`View::ANY`](crate::View::ANY). One round trip, which reads the messages.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn count(&self, context: &Context) -> Result<usize, Error> {
        let context = std::slice::from_ref(context);
        let peek = self.store.peek(context, self.config().limits.max_age);
        Ok(self.read("count", peek).await?.messages.len())
    }

    /// Lists the contexts of a session that have visible messages. One round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn contexts(&self, session: &SessionId) -> Result<Vec<Context>, Error> {
        let views = self.read("contexts", self.store.contexts(&self.app, session));
        let context = |view| self.context_for(session.clone(), view);
        Ok(views.await?.into_iter().map(context).collect())
    }

    /// Returns the messages that a page of this context would show, as [`peek`](Self::peek), and
    /// removes them in the same step. One round trip.
    ///
    /// Each message is returned to at most one caller, and is lost if that caller fails. Prefer
    /// [`claim`](Self::claim), which loses nothing. Salver never sends a take twice.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), and [`is_in_doubt`](Error::is_in_doubt) without a reply: the
    /// messages may have been removed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, the messages may have been removed and are lost.
    pub async fn take(&self, context: &Context) -> Result<Vec<Message>, Error> {
        let contexts = context.contexts_to_read();
        let take = self.store.take(&contexts, self.config().limits.max_age);
        let result = self.write_non_idempotent("take", take).await?;
        telemetry::record_skipped(&self.app, &result.skipped());
        telemetry::record_shown(&self.app, result.messages.len() as u64);
        Ok(result.messages)
    }
}
