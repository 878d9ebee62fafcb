//! Change notifications of one store.

use std::fmt;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::{CapacityExceeded, Due};
use crate::changes::fingerprint::{Fingerprint, Fingerprinter};
use crate::changes::index::Index;
use crate::changes::listeners::Listeners;
#[cfg(feature = "web")]
use crate::{SessionId, View};

/// How often a watch rings by itself while nobody tells of changes.
pub(crate) const FALLBACK_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Tells that something may have changed in a context: look again. It never carries a message.
///
/// A store of your own makes one with [`new`](Self::new), gives it out as
/// [`Store::doorbell`](super::Store::doorbell) and rings it for every message that is added or given back; so
/// [`Salver::watch`](crate::Salver::watch) need not look once a second.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// use salver::{Message, Salver, SessionId};
///
/// let salver = Salver::memory("shop")?;
/// let context = salver.context(SessionId::new("ada")?, "orders")?;
/// let mut watch = salver.watch(&context);
/// salver.add(&context, Message::info("Your order has left.")).await?;
/// watch.rung().await;
/// # Ok(()) }
/// ```
pub struct Changes {
    pub(super) fingerprinter: Fingerprinter,
    pub(super) source: Source,
    pub(super) listeners: Listeners,
}

/// Who rings.
pub(super) enum Source {
    /// The store itself, in this process.
    Local,
    /// A connection, which may be lost. While it is sound, a context that it did not ring for has nothing to
    /// show, and a page need not ask.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "only Redis tells of changes")
    )]
    Tracked(Box<Index>),
    Polling,
}

impl Changes {
    /// Makes a bell for a store that rings it itself.
    #[must_use]
    pub fn new() -> Self {
        Self::with_source(Source::Local)
    }

    /// Makes a bell for a connection, which knows nothing yet, with room for so many marks.
    #[cfg(feature = "redis")]
    pub(crate) fn tracked(most: usize) -> Self {
        Self::with_source(Source::Tracked(Box::new(Index::with_capacity(most))))
    }

    /// Makes a bell for a store that has none.
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

    /// Rings for a context: something may have changed there.
    pub fn mark_changed(&self, context: &Context) {
        let fingerprint = self.fingerprinter.fingerprint(context);
        self.mark_dirty_now(fingerprint);
        self.listeners.notify(fingerprint);
    }

    /// Tells whether every change rings at present.
    #[cfg(feature = "redis")]
    pub(super) fn is_receiving(&self) -> bool {
        match &self.source {
            Source::Local => true,
            Source::Tracked(index) => index.synced_at().is_some(),
            Source::Polling => false,
        }
    }
}

/// What pages ask and tell.
impl Changes {
    /// Tells whether it is known that a page of this view has nothing to show.
    #[cfg(feature = "web")]
    pub(crate) fn is_known_empty(&self, app: &str, session: &SessionId, view: &View) -> bool {
        let Some(index) = self.index() else {
            return false;
        };
        let Some((state, now)) = index.synced_at() else {
            return false;
        };
        let (now, mark_of) = (
            Due::after_millis(now),
            self.fingerprinter.for_session(app, session),
        );
        index.is_known_empty(now, mark_of(view))
            && (view.is_any() || index.is_known_empty(now, mark_of(&View::ANY)))
            // If all was lost meanwhile, so were the marks.
            && index.state.load(Ordering::Acquire) == state
    }

    /// Tells whether all that may be pending is known; nothing where that is never so.
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

    /// Where there was no room for a mark, nothing is known any more. Going through all at once would be in
    /// vain.
    pub(crate) fn check_capacity(&self, index: &Index, marked: Result<(), CapacityExceeded>) {
        if let Err(CapacityExceeded) = marked {
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
            Source::Local | Source::Polling => None,
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
            Source::Local => "Doorbell::Store",
            Source::Tracked(_) => "Doorbell::Connection",
            Source::Polling => "Doorbell::Nobody",
        })
    }
}
