//! Removing messages.

use crate::handle::salver::Salver;
use crate::store::Selector;
use crate::{Context, Error, SessionId};

impl Salver {
    /// Removes messages of exactly this context by tag or id, and returns how many. One round trip.
    ///
    /// Claimed and delayed messages are removed too. `selector`: a tag as `&str`, one
    /// [`MessageId`](crate::MessageId), or several. Without a reply it is sent once more, as in
    /// [`add`](Self::add); the count may then be too low.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): a tag that no message can have, such as `""` or
    ///   `"a/b"`.
    /// - [`is_unavailable`](Error::is_unavailable): nothing was removed; retry later.
    /// - [`is_in_doubt`](Error::is_in_doubt): the messages may have been removed; repeating is
    ///   safe.
    /// - [`is_denied`](Error::is_denied), [`is_unreadable`](Error::is_unreadable), as for
    ///   [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages may have been removed. Repeating is safe.
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

    /// Removes all messages of exactly this context, claimed and delayed ones too. One round trip.
    ///
    /// # Errors
    ///
    /// As [`retract`](Self::retract), without `is_invalid`. Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages may have been removed. Repeating is safe.
    pub async fn clear(&self, context: &Context) -> Result<(), Error> {
        self.write_idempotent("clear", || self.store.clear(context))
            .await
    }

    /// Removes all messages of a session and rejects further adds to it, as at a logout. One round
    /// trip.
    ///
    /// For the [`ttl`](crate::SalverBuilder::ttl) (1 hour by default) adds fail with
    /// [`Error::is_session_closed`]. If the session has moved to a new id at a login, adds still go to that
    /// id.
    ///
    /// # Errors
    ///
    /// As [`clear`](Self::clear). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the session may have been closed. Repeating is safe.
    pub async fn close_session(&self, session: &SessionId) -> Result<(), Error> {
        let period = Some(self.config().limits.ttl);
        let clear = || self.store.clear_session(&self.app, session, period);
        self.write_idempotent("close_session", clear).await
    }
}
