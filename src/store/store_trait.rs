//! The interface of a store.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::changes::Changes;
use crate::config::Limits;
use crate::store::backend::{Backend, BackendKind};
use crate::store::claim::{Claim, ReadResult};
use crate::store::health::Issue;
use crate::store::stats::{StoreStats, SweepProgress};
use crate::wire::EncodedMessage;
use crate::{Context, Error, MessageId, SessionId, View};

/// Maximum number of redirects of one call. Ends the loop of two sessions that moved to each other.
pub(crate) const MAX_REDIRECTS: usize = 4;

/// The return type of a store call: a boxed future that any thread may poll.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The outcome of an add.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddOutcome {
    /// The messages are in this context.
    Added {
        /// Number of older messages that were displaced to free capacity.
        displaced: u64,
    },
    /// The session has a new id; nothing was added.
    SessionMoved(SessionId),
}

/// Selects the messages to retract.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// The messages with this tag.
    Tag(String),
    /// The messages with these ids.
    Ids(Vec<MessageId>),
}

impl From<&str> for Selector {
    fn from(tag: &str) -> Self {
        Self::Tag(tag.to_owned())
    }
}

impl From<MessageId> for Selector {
    fn from(id: MessageId) -> Self {
        Self::Ids(vec![id])
    }
}

impl From<Vec<MessageId>> for Selector {
    fn from(ids: Vec<MessageId>) -> Self {
        Self::Ids(ids)
    }
}

/// The storage of messages: Redis, memory, or a custom store. The [module page](crate::store) lists
/// the requirements and links to a complete store.
///
/// The contexts of one call all belong to one session. A store receives valid messages with their
/// encoding. It stores the [member](EncodedMessage::member), or any form that decodes to an equal
/// message. A store sets no timeouts: the [`Salver`](crate::Salver) that uses it does.
///
/// # Cancel safety
///
/// Every future may be dropped at any await. The operation has then happened completely or not at
/// all, never in part.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Adds messages to one context, all of them or none.
    ///
    /// # Errors
    ///
    /// [`is_full`](Error::is_full) with [`WhenFull::Reject`](crate::store::WhenFull::Reject) or
    /// over [`Limits::max_contexts`]; [`is_session_closed`](Error::is_session_closed); and any error of the store
    /// itself.
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome>;

    /// Reads the visible messages, and changes nothing.
    ///
    /// # Errors
    ///
    /// Any error of the store itself, as for all following methods.
    fn peek<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult>;

    /// Reads the visible messages, and hides them from all other reads until the lease expires.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        max_age: Duration,
    ) -> StoreFuture<'a, Claim>;

    /// Reads the visible messages, and removes them immediately.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn take<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult>;

    /// Ends a claim whose messages were shown. Removes them, even if another claim holds them by
    /// then.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe.
    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Ends a claim whose messages were not shown. Releases those that are still under its lease.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). The call is never repeated: messages that were released and claimed
    /// again within one millisecond can have the same lease end, so a second release would end the
    /// new claim.
    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Removes messages by tag or ids, leased or not. Returns their number.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64>;

    /// Removes all messages of one context.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()>;

    /// Removes all messages of a session. With `close`, the session rejects adds for that time.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()>;

    /// Moves all messages, leases and schedules to a new session id, and closes the old one for
    /// [`Limits::ttl`]. Frees capacity as an add does. A message that both sessions have stays as
    /// it is under the new id. With `reopen`, a new session that was closed, or has moved, is opened
    /// again. A migrate to the same id changes nothing.
    ///
    /// # Errors
    ///
    /// [`is_session_closed`](Error::is_session_closed) if the old session was closed or has moved to another id, or
    /// without `reopen` if the new one was or has; nothing has moved then. Repeating is safe: it
    /// changes nothing.
    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        reopen: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()>;

    /// Lists the views of a session that have a visible message.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>>;

    /// Removes messages that are older than `max_age` by their ids, leased or not. Each call is one
    /// step of bounded size, which continues from the cursor of the previous step.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe. Must work in a store that is full.
    fn sweep<'a>(
        &'a self,
        app: &'a str,
        max_age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress>;

    /// Counts the messages of an application, leased or not. Each call is one step of bounded size,
    /// which continues from the cursor of the previous step. Default: an error.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), and [`is_misconfigured`](Error::is_misconfigured) by default.
    fn stats<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        let _ = (app, from);
        Box::pin(ready(Err(Error::misconfigured(
            "this store does not implement `stats`",
        ))))
    }

    /// Returns the issues of the store itself. Called once when the store first replies, and by
    /// [`Salver::health`](crate::Salver::health).
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>>;

    /// Returns the change notifications for the contexts of an application.
    ///
    /// Called once by each worker that serves pages, and for each listener. Default: `None`; a
    /// listener then polls once a second.
    fn changes(&self, app: &str) -> Option<Arc<Changes>> {
        let _ = app;
        None
    }

    /// Returns the change notifications with a pending index. A store of an application keeps the
    /// default.
    #[cfg(feature = "web")]
    #[doc(hidden)]
    fn page_changes(&self, app: &str) -> Option<Arc<Changes>> {
        let changes = self.changes(app);
        changes.filter(|changes| changes.is_synced().is_some())
    }

    /// Confirms several claims with one write. Returns whether all are confirmed: if not, each is still to
    /// be confirmed alone. `None` if the store has no such write. A store of an application keeps the
    /// default.
    #[cfg(feature = "web")]
    #[doc(hidden)]
    fn confirm_batch<'a>(&'a self, claims: &'a [&'a Claim]) -> Option<StoreFuture<'a, bool>> {
        let _ = claims;
        None
    }

    /// Returns what the store keeps its data in. A store of an application keeps the default.
    #[doc(hidden)]
    fn backend(&self) -> Backend {
        Backend(BackendKind::Custom)
    }

    /// Returns the same store with a connection of its own, which is opened on the runtime that uses it first; `None` for a
    /// store without connections. A store of an application keeps the default.
    #[doc(hidden)]
    fn for_worker(self: Arc<Self>) -> Option<Arc<dyn Store>> {
        None
    }

    /// Returns the same store, for use on the calling thread's runtime alone.
    ///
    /// The middleware calls this on each actix worker. A store with connections returns a store
    /// with a connection of that thread. Any other store returns itself.
    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store>;
}
