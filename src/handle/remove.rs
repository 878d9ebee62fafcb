//! Removing messages.

use crate::handle::salver::Salver;
use crate::store::Selector;
use crate::{Context, Error, SessionId};

impl Salver {
    /// Removes messages of exactly this context, by tag or ids; tells how many. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn retract(
        &self,
        context: &Context,
        selector: impl Into<Selector>,
    ) -> Result<u64, Error> {
        let selector = selector.into();
        if let Selector::Tag(tag) = &selector {
            crate::message::validate_tag(tag).map_err(|error| error.with_operation("retract"))?;
        }
        self.write_idempotent("retract", || self.store.retract(context, &selector))
            .await
    }

    /// Removes all messages of exactly this context. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn clear(&self, context: &Context) -> Result<(), Error> {
        self.write_idempotent("clear", || self.store.clear(context))
            .await
    }

    /// Removes all messages of a session and refuses further adds to it: a logout. One round trip.
    ///
    /// For the expiry (1 hour by default) adds fail with [`Error::is_closed`].
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn close_session(&self, session: &SessionId) -> Result<(), Error> {
        let period = Some(self.config().limits.ttl);
        let clear = || self.store.clear_session(&self.app, session, period);
        self.write_idempotent("forget", clear).await
    }
}
