//! Change notifications of one store.

use std::fmt;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::{CapacityExceeded, Due};
use crate::changes::fingerprint::{Fingerprint, Fingerprinter};
#[cfg(feature = "redis")]
use crate::changes::freshness::Freshness;
use crate::changes::index::Index;
use crate::changes::listeners::Listeners;
#[cfg(feature = "web")]
use crate::{SessionId, View};

/// Interval at which listeners wake up while this process receives no change notifications.
pub(crate) const FALLBACK_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Change notifications: reports that something may have changed in a context, so that it is read
/// again. A notification never carries a message.
///
/// A custom store creates one with [`new`](Self::new) and returns it from
/// [`Store::changes`](crate::store::Store::changes). It calls [`mark_changed`](Self::mark_changed)
/// for every message that is added or released. [`Salver::listen`](crate::Salver::listen) then does
/// not have to poll once a second.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// use salver::{Message, Salver, SessionId};
///
/// let salver = Salver::memory("shop")?;
/// let context = salver.context(SessionId::new("ada")?, "orders")?;
/// let mut listener = salver.listen(&context);
/// salver.add(&context, Message::info("Your order has left.")).await?;
/// listener.changed().await;
/// # Ok(()) }
/// ```
pub struct Changes {
    pub(super) fingerprinter: Fingerprinter,
    pub(super) source: Source,
    pub(super) listeners: Listeners,
}

/// The origin of change notifications.
pub(super) enum Source {
    /// The store itself, in this process.
    Local,
    /// A tracking connection, which may be lost. While it is synced, a context without a dirty
    /// entry has no visible message, and a page does not query it.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "only the Redis store has a pending index")
    )]
    Tracked(Box<Index>),
    /// Tracking connections to all servers of a Cluster, which may be lost. Only listeners use them:
    /// keys can be on a server that is not known yet, so pages query.
    #[cfg(feature = "redis")]
    Reported(Freshness),
    /// None: listeners poll.
    Polling,
}

impl Changes {
    /// Creates the notifications of a store that calls [`mark_changed`](Self::mark_changed) itself.
    #[must_use]
    pub fn new() -> Self {
        Self::with_source(Source::Local)
    }

    /// Creates the notifications of a tracking connection, with an index that is not synced yet.
    #[cfg(feature = "redis")]
    pub(crate) fn tracked(capacity: usize) -> Self {
        Self::with_source(Source::Tracked(Box::new(Index::with_capacity(capacity))))
    }

    /// Creates the notifications of the tracking connections to several servers, without an index.
    #[cfg(feature = "redis")]
    pub(crate) fn reported() -> Self {
        Self::with_source(Source::Reported(Freshness::new()))
    }

    /// Creates the notifications of a store that has none.
    pub(crate) fn polling() -> Self {
        Self::with_source(Source::Polling)
    }

    fn with_source(source: Source) -> Self {
        Self {
            fingerprinter: Fingerprinter::new(),
            source,
            listeners: Listeners::default(),
        }
    }

    /// Reports that something may have changed in a context.
    pub fn mark_changed(&self, context: &Context) {
        let fingerprint = self.fingerprinter.fingerprint(context);
        self.mark_dirty_now(fingerprint);
        self.listeners.notify(fingerprint);
    }

    /// Wakes the listeners of a key.
    #[cfg(all(feature = "inbox", feature = "web"))]
    pub(crate) fn wake(&self, key: &[u8]) {
        self.listeners
            .notify(self.fingerprinter.fingerprint_key(key));
    }

    /// Wakes all listeners.
    #[cfg(all(feature = "inbox", feature = "web", feature = "redis"))]
    pub(crate) fn wake_all(&self) {
        self.listeners.notify_all();
    }

    /// Returns whether every change is reported at present.
    #[cfg(feature = "redis")]
    pub(super) fn is_receiving(&self) -> bool {
        match &self.source {
            Source::Local => true,
            Source::Tracked(index) => index.synced_at().is_some(),
            Source::Reported(freshness) => freshness.is_proven(),
            Source::Polling => false,
        }
    }
}

/// The pending index, as pages and queries use it.
impl Changes {
    /// Returns whether a page of this view is known to have no visible message.
    #[cfg(feature = "web")]
    pub(crate) fn is_known_empty(&self, app: &str, session: &SessionId, view: &View) -> bool {
        let Some(index) = self.index() else {
            return false;
        };
        let Some((state, now)) = index.synced_at() else {
            return false;
        };
        let (now, fingerprint_of) = (
            Due::after_millis(now),
            self.fingerprinter.for_session(app, session),
        );
        index.is_known_empty(now, fingerprint_of(view))
            && (view.is_any() || index.is_known_empty(now, fingerprint_of(&View::ANY)))
            // An invalidation since the first load has cleared the entries.
            && index.state.load(Ordering::Acquire) == state
    }

    /// Returns whether the index is synced, or `None` for a source without an index.
    pub(crate) fn is_synced(&self) -> Option<bool> {
        self.index().map(|index| index.synced_at().is_some())
    }

    pub(crate) fn mark_dirty_now(&self, fingerprint: Fingerprint) {
        self.mark_dirty(fingerprint, Due::NOW);
    }

    pub(crate) fn mark_dirty(&self, fingerprint: Fingerprint, due: Due) {
        if let Some(index) = self.index() {
            self.check_capacity(index, index.dirty.mark_dirty(fingerprint, due));
        }
    }

    /// Invalidates the index if an entry was not stored for lack of capacity. Requests no resync
    /// pass: an immediate pass would exceed the capacity again.
    pub(crate) fn check_capacity(&self, index: &Index, stored: Result<(), CapacityExceeded>) {
        if let Err(CapacityExceeded) = stored {
            index.over_capacity.store(true, Ordering::Relaxed);
            self.invalidate_locked(index, &index.invalidation_lock());
        }
    }

    pub(crate) fn invalidate_locked(&self, index: &Index, guard: &MutexGuard<'_, ()>) {
        if index.invalidate(guard) {
            self.listeners.notify_all();
        }
    }

    pub(crate) fn index(&self) -> Option<&Index> {
        match &self.source {
            Source::Tracked(index) => Some(index),
            _ => None,
        }
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::Local => "Changes::Local",
            Source::Tracked(_) => "Changes::Tracked",
            #[cfg(feature = "redis")]
            Source::Reported(_) => "Changes::Reported",
            Source::Polling => "Changes::Polling",
        })
    }
}
