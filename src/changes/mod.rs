//! The bell that rings for contexts, and what is known of them without asking: the pending index.

#[cfg_attr(
    not(feature = "redis"),
    expect(dead_code, reason = "only Redis tells of changes")
)]
mod dirty_map;
mod fingerprint;
mod index;
mod listen;
#[cfg(all(test, feature = "redis", feature = "web"))]
mod tests;
#[cfg(feature = "redis")]
mod told;

use std::fmt;
use std::sync::Arc;

use self::fingerprint::Marker;
use self::index::Index;
use self::listen::Watches;
use crate::Context;

pub use self::listen::Watch;

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
    marker: Marker,
    source: Source,
    watches: Watches,
}

/// Who rings.
enum Source {
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

    /// Watches the contexts that a page would look into.
    pub(crate) fn watch(self: &Arc<Self>, contexts: &[Context]) -> Watch {
        Watch::new(self, self.marker.of_all(contexts))
    }

    /// Tells whether every change rings at present.
    #[cfg(feature = "redis")]
    fn is_told(&self) -> bool {
        match &self.source {
            Source::Store => true,
            Source::Connection(index) => index.knows().is_some(),
            Source::Nobody => false,
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
