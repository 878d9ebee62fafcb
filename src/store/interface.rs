//! The interface of a store.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::changes::Changes;
use crate::config::Limits;
use crate::store::claim::{Claim, ReadResult};
use crate::store::health::Issue;
use crate::store::stats::{StoreStats, SweepProgress};
use crate::{Context, Error, Message, MessageId, SessionId, View};

/// How often a call follows a session that moved. Stops two sessions that moved into each other.
pub(crate) const MAX_REDIRECTS: usize = 4;

/// What a store gives back: a boxed future that any thread may drive.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What became of an add.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddOutcome {
    /// The messages are in this context.
    Added {
        /// How many older messages went to make room.
        displaced: u64,
    },
    /// The session has a new id; nothing was added.
    SessionMoved(SessionId),
}

/// Which messages to retract.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Those with this tag.
    Tag(String),
    /// Those with these ids.
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

/// Keeps messages. Redis or memory; or yours: see the [module page](self) for the laws and a whole store.
///
/// The contexts of one call are all of one session. Messages reach a store checked
/// ([`Message::check`]) and are stored as [`wire::encode`] writes them, or in any way that gives them
/// back equal. A store sets no deadlines: the [`Salver`](crate::Salver) around it does.
///
/// # Cancel safety
///
/// Every future may be dropped at any await. What was asked may have happened by then, whole or not at
/// all; never half.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Adds messages to one context: all or none.
    ///
    /// # Errors
    ///
    /// [`is_full`](Error::is_full) with [`Full::Reject`] or over [`Limits::contexts`];
    /// [`is_closed`](Error::is_closed); and what the store itself meets.
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [Message],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome>;

    /// Reads what is visible, and changes nothing.
    ///
    /// # Errors
    ///
    /// What the store itself meets, as for all that follow.
    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult>;

    /// Reads what is visible and hides it from every other look for the lease.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim>;

    /// Reads what is visible and removes it at once.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult>;

    /// Ends a claim: shown, never again. Removes the messages whoever holds them.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe.
    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Ends a claim: not shown, give it back, where it is still this claim's.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Never repeated: a lease that was released and claimed anew within one
    /// millisecond could not be told from this one.
    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Removes messages by tag or ids, leased or not; tells how many.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn retract<'a>(&'a self, context: &'a Context, which: &'a Selector) -> StoreFuture<'a, u64>;

    /// Removes all messages of one context.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()>;

    /// Removes all messages of a session. With `close`, refuses adds to it for that long.
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

    /// Carries all messages, leases and schedules to a new session id, and closes the old one for
    /// [`Limits::expiry`]. Room is made as by an add; what both hold stays as it is there. With `open` a new id that
    /// was closed, or has moved, is opened again. A move to itself changes nothing.
    ///
    /// # Errors
    ///
    /// [`is_closed`](Error::is_closed) when the old session was closed or moved elsewhere, or without `open`
    /// the new one; nothing has moved then. Repeating is safe: it changes nothing.
    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        open: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()>;

    /// Lists the views of a session on which something is visible.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>>;

    /// Drops messages that are older than this by their ids, leased or not: one step of bounded size, which
    /// goes on where the step before it says.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe. Must work in a store that is full.
    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress>;

    /// Counts what there is of an application, leased or not: one step of bounded size, which goes on where the step
    /// before it says. Default: a store that is not counted.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), and [`is_setup`](Error::is_setup) where it is not.
    fn stats<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        let _ = (app, from);
        Box::pin(ready(Err(Error::misconfigured(
            "this store does not implement `stats`",
        ))))
    }

    /// Looks for what is wrong with the store itself. Asked at the start, and by
    /// [`Salver::health`](crate::Salver::health).
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>>;

    /// Gives the bell that rings when something changed in a context of an application.
    ///
    /// Asked once by each worker that serves pages, and by each watch. Default: none; then a watch looks once a
    /// second.
    fn changes(&self, app: &str) -> Option<Arc<Changes>> {
        let _ = app;
        None
    }

    /// Gives the same store for use on the calling thread's runtime alone.
    ///
    /// A store with connections gives one to each thread here; called by the middleware on each actix worker.
    /// Any other gives itself.
    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store>;
}
