//! Where messages are kept: the [`Store`] trait, its laws, and the two stores of this crate.
//!
//! Floor 2: knows words, and links to servers; nothing about handles, requests or pages.
//!
//! [`MemoryStore`] is the embedded default: one process, bounded, nothing survives its end.
//! [`RedisStore`] is shared by any number of processes, in any language.
//!
//! # The laws
//!
//! A store of your own has to keep these. They are tests, in [`conformance`]: both stores of this crate
//! pass them, and `salver::store_laws!` puts them to yours.
//! *Visible* means: its time has come, and it is not too old.
//!
//! 1. **One number decides.** A message has a time from which it may be shown. An add sets it to now
//!    (plus the message's delay); a claim sets it to the end of the lease; a release sets it to the
//!    time in the id, never later than now. A look sees what is at or before now.
//! 2. **Order** is the order of ids, over all contexts of one look.
//! 3. **A repeated add changes nothing**: a message whose id is there is left alone, its lease too. Of an id
//!    that a batch has twice the first counts.
//! 4. **A tag replaces** what has the same tag in the same context, leased or not.
//! 5. **Two claimers never share** a message while a lease holds.
//! 6. **Confirm removes**, whoever holds the message by now, and wherever its session has moved. **Release gives back** only what is still
//!    under this claim's lease.
//! 7. **Room is made before the add**, lowest time first, so that a context full of leased messages keeps
//!    the new one; what was displaced is counted and told once, by the next claim or take, and forgotten
//!    with the context's last message.
//! 8. **Expiry is judged on read.** A context lives at least [`Limits::expiry`] after its last add, or
//!    after the last message becomes visible; reading does not renew it, and no add shortens it. A message
//!    older than [`Limits::age`] by its id, or past its own deadline, is never shown.
//! 9. **A look answers `next`**: how long until the earliest message that it did not hand out may be shown.
//! 10. **Contexts are isolated**: no two spell the same key, and nothing is found under another.
//! 11. **What cannot be read breaks nothing**: it is skipped, counted and removed on confirm; what a newer
//!     version wrote is left there, and counted. Only what [`wire::head`] finds has an id, a tag or a version.
//! 12. **A closed session takes nothing**: after a migrate adds answer [`Placed::Moved`], after a close
//!     [`Error::is_closed`], for [`Limits::expiry`]. Nothing is found in it either, whoever wrote it there.
//! 13. **A sweep drops what is old**, leased or not, in steps of bounded size, and works in a store that is full.
//!
//! # A whole store
//!
//! This is `examples/custom_store.rs`. Its last lines put it to the laws:
//! `cargo test --example custom_store`.
//!
#![doc = "```rust"]
#![doc = include_str!("../../examples/custom_store.rs")]
#![doc = "```"]
#![cfg_attr(feature = "conformance", doc = "\n[`conformance`]: self::conformance")]
#![cfg_attr(
    not(feature = "conformance"),
    doc = "\n[`conformance`]: crate#features"
)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod health;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod stats;

use std::fmt;
use std::future::Future;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::wire;
use crate::wire::Undecoded;
use crate::{Context, Error, Message, MessageId, SessionId, View};

pub use self::health::{Finding, Trouble};
pub use self::memory::{Clock, MemoryStore};
#[cfg(feature = "redis")]
pub use self::redis::scripts::ADD as ADD_SCRIPT;
#[cfg(feature = "redis")]
pub use self::redis::{RedisBuilder, RedisStore};
pub use self::stats::{Counted, Surveyed};
pub use crate::changes::{Doorbell, Watch};

/// Most messages that one context can be set to keep: what one look has to carry.
pub const MAX_MESSAGES: usize = 1000;
/// Most contexts of one session. Stops one visitor from filling the store by visiting many pages.
pub const MAX_CONTEXTS: usize = 64;

/// How often a call follows a session that moved. Stops two sessions that moved into each other.
pub(crate) const HOPS: usize = 4;

/// What a store gives back: a boxed future that any thread may drive.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What happens when a context is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Full {
    /// The oldest message goes, counted, and the page says "and N more".
    #[default]
    DropOldest,
    /// The add is refused with [`Error::is_full`].
    Reject,
}

/// The bounds that an add has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long a context lives after its last add. Default: 1 hour. Keeps the store free of visitors
    /// who left.
    pub expiry: Duration,
    /// Oldest message that is shown. Default: 24 hours. Keeps old news off the page.
    pub age: Duration,
    /// Most messages in a context. Default: 100. Keeps a runaway job from burying the page.
    pub messages: usize,
    /// Most contexts in a session. Default: 64, see [`MAX_CONTEXTS`].
    pub contexts: usize,
    /// What happens when a context is full. Default: [`Full::DropOldest`].
    pub full: Full,
    /// How many replicas have to have an add before it returns. Default: 0, the server alone. A store that has
    /// no replicas answers [`Error::is_in_doubt`] to any other number, after adding.
    pub replicas: u32,
    /// How long an add waits for them. Default: 80 ms.
    pub within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(60 * 60),
            age: Duration::from_secs(24 * 60 * 60),
            messages: 100,
            contexts: MAX_CONTEXTS,
            full: Full::DropOldest,
            replicas: 0,
            within: Duration::from_millis(80),
        }
    }
}

/// What became of an add.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placed {
    /// The messages are in this context.
    Here {
        /// How many older messages went to make room.
        displaced: u64,
    },
    /// The session has a new id; nothing was added.
    Moved(SessionId),
}

/// Which messages to retract.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Which {
    /// Those with this tag.
    Tag(String),
    /// Those with these ids.
    Ids(Vec<MessageId>),
}

impl From<&str> for Which {
    fn from(tag: &str) -> Self {
        Self::Tag(tag.to_owned())
    }
}

impl From<MessageId> for Which {
    fn from(id: MessageId) -> Self {
        Self::Ids(vec![id])
    }
}

impl From<Vec<MessageId>> for Which {
    fn from(ids: Vec<MessageId>) -> Self {
        Self::Ids(ids)
    }
}

/// What a look found. Printed by `Debug` without the messages' content.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Found {
    /// The messages, in the order of their ids.
    pub messages: Vec<Message>,
    /// How long until the earliest message that was not handed out may be shown.
    pub next: Option<Duration>,
    /// How many messages were displaced since the last claim or take: the page's "and N more".
    pub displaced: u64,
    /// How many were too old or past their deadline.
    pub expired: u64,
    /// How many could not be read.
    pub unreadable: u64,
    /// How many a newer version wrote.
    pub newer: u64,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("messages", &self.messages.len())
            .field("next", &self.next)
            .field("displaced", &self.displaced)
            .field("expired", &self.expired)
            .field("unreadable", &self.unreadable)
            .field("newer", &self.newer)
            .finish()
    }
}

impl Found {
    /// Sorts what a look read into messages and counts, dropping what is past its deadline at `unix_ms`.
    ///
    /// `members` are stored ones, as [`wire::encode`] writes them. Gives back those that the reader is
    /// through with once it confirms: all but those of a newer version.
    #[must_use]
    pub fn read(&mut self, unix_ms: u64, mut members: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        members.retain(|member| {
            match wire::decode(member) {
                Ok(message) if message.is_past(unix_ms) => self.expired += 1,
                Ok(message) => self.messages.push(message),
                Err(Undecoded::Unreadable) => self.unreadable += 1,
                Err(Undecoded::Newer) => {
                    self.newer += 1;
                    return false;
                }
            }
            true
        });
        self.messages.sort_by_key(Message::id);
        members
    }

    /// Notes that a message may be shown after this time, if none comes earlier.
    pub fn due_in(&mut self, time: Duration) {
        self.next = Some(self.next.map_or(time, |next| next.min(time)));
    }
}

/// What a step of a sweep did, or all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// How many contexts were looked through.
    pub contexts: u64,
    /// How many messages were dropped.
    pub removed: u64,
    /// How many keys the server has, about: how far this is from the end. In a Cluster, of one node.
    pub of: u64,
    /// Where the next step goes on; none at the end.
    pub next: Option<String>,
}

/// Messages held under a lease until confirmed or released.
///
/// Dropping it does nothing: the messages come back when the lease ends.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claim {
    /// What it holds, for the page.
    pub found: Found,
    /// What it holds, for the store: stored members by context.
    pub held: Vec<Held>,
    /// The end of the lease, in Unix milliseconds of the store's clock: the mark by which a release
    /// knows its own.
    pub until: u64,
}

impl Claim {
    /// Gives the messages, in the order of their ids.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.found.messages
    }

    /// Tells whether there is nothing to confirm or release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.iter().all(|held| held.members.is_empty())
    }

    /// Tells whether a message is for whichever page comes next.
    #[cfg(feature = "live")]
    pub(crate) fn is_for_any(&self, message: &Message) -> bool {
        let id = message.id().to_string();
        let for_any = self.held.iter().filter(|held| held.context.view().is_any());
        let mut members = for_any.flat_map(|held| &held.members);
        members.any(|member| has_id(member, &id))
    }

    /// Takes out what it holds beside its messages; none if there is nothing.
    #[cfg(feature = "web")]
    pub(crate) fn split_off_the_unshown(&mut self) -> Option<Self> {
        let members: usize = self.held.iter().map(|held| held.members.len()).sum();
        if members == self.found.messages.len() {
            return None;
        }
        let shown: Vec<_> = self
            .found
            .messages
            .iter()
            .map(|message| message.id().to_string())
            .collect();
        let is_shown = |member: &Vec<u8>| shown.iter().any(|id| has_id(member, id));
        let kept = self
            .held
            .iter()
            .flat_map(|held| &held.members)
            .filter(|member| is_shown(member));
        if kept.count() < shown.len() {
            // A store that keeps them otherwise: which is which, it alone knows.
            return None;
        }
        let mut rest = Self {
            until: self.until,
            ..Self::default()
        };
        for held in &mut self.held {
            let (kept, unshown) = std::mem::take(&mut held.members)
                .into_iter()
                .partition(is_shown);
            held.members = kept;
            rest.held.push(Held::new(held.context.clone(), unshown));
        }
        Some(rest)
    }

    /// Follows the messages to a new session id after a migrate.
    pub fn follow(&mut self, session: &SessionId) {
        for held in &mut self.held {
            held.context = held.context.with_session(session.clone());
        }
    }
}

/// Tells whether a stored member is the message of an id.
#[cfg(feature = "web")]
fn has_id(member: &[u8], id: &str) -> bool {
    wire::head(member).is_some_and(|head| head.id == id.as_bytes())
}

/// The stored members that a claim holds in one context.
#[derive(Clone)]
#[non_exhaustive]
pub struct Held {
    /// Where they are.
    pub context: Context,
    /// The members, byte for byte.
    pub members: Vec<Vec<u8>>,
}

impl Held {
    /// Puts together what a claim holds in one context.
    #[must_use]
    pub fn new(context: Context, members: Vec<Vec<u8>>) -> Self {
        Self { context, members }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("context", &self.context)
            .field("members", &self.members.len())
            .finish()
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
    ) -> Answer<'a, Placed>;

    /// Reads what is visible, and changes nothing.
    ///
    /// # Errors
    ///
    /// What the store itself meets, as for all that follow.
    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found>;

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
    ) -> Answer<'a, Claim>;

    /// Reads what is visible and removes it at once.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found>;

    /// Ends a claim: shown, never again. Removes the messages whoever holds them.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe.
    fn confirm<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()>;

    /// Ends a claim: not shown, give it back, where it is still this claim's.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Never repeated: a lease that was released and claimed anew within one
    /// millisecond could not be told from this one.
    fn release<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()>;

    /// Removes messages by tag or ids, leased or not; tells how many.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn retract<'a>(&'a self, context: &'a Context, which: &'a Which) -> Answer<'a, u64>;

    /// Removes all messages of one context.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn clear<'a>(&'a self, context: &'a Context) -> Answer<'a, ()>;

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
    ) -> Answer<'a, ()>;

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
    ) -> Answer<'a, ()>;

    /// Lists the views of a session on which something is visible.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> Answer<'a, Vec<View>>;

    /// Drops messages that are older than this by their ids, leased or not: one step of bounded size, which
    /// goes on where the step before it says.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek). Repeating is safe. Must work in a store that is full.
    fn sweep<'a>(&'a self, app: &'a str, age: Duration, from: Option<&'a str>)
    -> Answer<'a, Swept>;

    /// Counts what there is of an application, leased or not: one step of bounded size, which goes on where the step
    /// before it says. Default: a store that is not counted.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), and [`is_setup`](Error::is_setup) where it is not.
    fn survey<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> Answer<'a, Surveyed> {
        let _ = (app, from);
        Box::pin(ready(Err(Error::setup("this store does not count"))))
    }

    /// Looks for what is wrong with the store itself. Asked at the start, and by
    /// [`Salver::health`](crate::Salver::health).
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    fn check<'a>(&'a self, app: &'a str) -> Answer<'a, Vec<Finding>>;

    /// Gives the bell that rings when something changed in a context of an application.
    ///
    /// Asked once by each worker that serves pages, and by each watch. Default: none; then a watch looks once a
    /// second.
    fn doorbell(&self, app: &str) -> Option<Arc<Doorbell>> {
        let _ = app;
        None
    }

    /// Gives the same store for use on the calling thread's runtime alone.
    ///
    /// A store with connections gives one to each thread here; called by the middleware on each actix worker.
    /// Any other gives itself.
    fn worker(self: Arc<Self>) -> Arc<dyn Store>;
}

/// Gives whole milliseconds, rounded up: a limit is never shorter than it was set.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
