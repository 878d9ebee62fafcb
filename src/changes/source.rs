//! Change notifications of one store.

use std::fmt;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::{Overflow, Tick};
use crate::changes::fingerprint::{Mark, Marker};
use crate::changes::index::Index;
use crate::changes::listeners::Watches;
#[cfg(feature = "web")]
use crate::{SessionId, View};

/// How often a watch rings by itself while nobody tells of changes.
pub(crate) const BLIND: Duration = Duration::from_secs(1);

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
pub struct Doorbell {
    pub(super) marker: Marker,
    pub(super) source: Source,
    pub(super) watches: Watches,
}

/// Who rings.
pub(super) enum Source {
    /// The store itself, in this process.
    Store,
    /// A connection, which may be lost. While it is sound, a context that it did not ring for has nothing to
    /// show, and a page need not ask.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "only Redis tells of changes")
    )]
    Connection(Box<Index>),
    Nobody,
}

impl Doorbell {
    /// Makes a bell for a store that rings it itself.
    #[must_use]
    pub fn new() -> Self {
        Self::rung_by(Source::Store)
    }

    /// Makes a bell for a connection, which knows nothing yet, with room for so many marks.
    #[cfg(feature = "redis")]
    pub(crate) fn of_connection(most: usize) -> Self {
        Self::rung_by(Source::Connection(Box::new(Index::with_room_for(most))))
    }

    /// Makes a bell for a store that has none.
    pub(crate) fn of_nobody() -> Self {
        Self::rung_by(Source::Nobody)
    }

    fn rung_by(source: Source) -> Self {
        Self {
            marker: Marker::new(),
            source,
            watches: Watches::default(),
        }
    }

    /// Rings for a context: something may have changed there.
    pub fn ring(&self, context: &Context) {
        let mark = self.marker.of(context);
        self.ask_at_once(mark);
        self.watches.ring(mark);
    }

    /// Tells whether every change rings at present.
    #[cfg(feature = "redis")]
    pub(super) fn is_told(&self) -> bool {
        match &self.source {
            Source::Store => true,
            Source::Connection(index) => index.knows().is_some(),
            Source::Nobody => false,
        }
    }
}

/// What pages ask and tell.
impl Doorbell {
    /// Tells whether it is known that a page of this view has nothing to show.
    #[cfg(feature = "web")]
    pub(crate) fn is_quiet(&self, app: &str, session: &SessionId, view: &View) -> bool {
        let Some(index) = self.index() else {
            return false;
        };
        let Some((state, now)) = index.knows() else {
            return false;
        };
        let (now, mark_of) = (Tick::of(now), self.marker.of_views(app, session));
        index.is_quiet(now, mark_of(view))
            && (view.is_any() || index.is_quiet(now, mark_of(&View::ANY)))
            // If all was lost meanwhile, so were the marks.
            && index.state.load(Ordering::Acquire) == state
    }

    /// Tells whether all that may be pending is known; nothing where that is never so.
    pub(crate) fn is_complete(&self) -> Option<bool> {
        self.index().map(|index| index.knows().is_some())
    }

    pub(crate) fn ask_at_once(&self, mark: Mark) {
        self.ask_from(mark, Tick::AT_ONCE);
    }

    pub(crate) fn ask_from(&self, mark: Mark, tick: Tick) {
        if let Some(index) = self.index() {
            self.note(index, index.marks.ask_from(mark, tick));
        }
    }

    /// Where there was no room for a mark, nothing is known any more. Going through all at once would be in
    /// vain.
    pub(crate) fn note(&self, index: &Index, marked: Result<(), Overflow>) {
        if let Err(Overflow) = marked {
            index.crowded.store(true, Ordering::Relaxed);
            self.forget(index, &index.losing());
        }
    }

    pub(crate) fn forget(&self, index: &Index, losing: &MutexGuard<'_, ()>) {
        if index.lose(losing) {
            self.watches.ring_all();
        }
    }

    pub(crate) fn index(&self) -> Option<&Index> {
        match &self.source {
            Source::Connection(index) => Some(index),
            Source::Store | Source::Nobody => None,
        }
    }
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::Store => "Doorbell::Store",
            Source::Connection(_) => "Doorbell::Connection",
            Source::Nobody => "Doorbell::Nobody",
        })
    }
}
