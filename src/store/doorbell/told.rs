//! What the store tells its bell: its own looks, and what it hears over the connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Doorbell;
use super::index::{COMPLETE, Index};
use super::mark::Mark;
use super::marks::{Overflow, Tick};
use crate::Context;

impl Doorbell {
    /// Begins a look: what rang before is answered by it, what rings from now on is not.
    pub(crate) fn look(&self, contexts: &[Context]) -> Look<'_> {
        let marks = self.marker.of_all(contexts);
        if let Some(index) = self.index() {
            marks.iter().for_each(|mark| index.marks.remove(*mark));
        }
        Look { bell: self, marks }
    }
}

/// A look that is under way. Dropped without an answer, its contexts are asked for again.
#[must_use]
pub(crate) struct Look<'a> {
    bell: &'a Doorbell,
    /// Those whose answer is not there yet.
    marks: Vec<Mark>,
}

impl Look<'_> {
    /// Notes the answer: nothing more may be shown before this time, unless it rings.
    pub(crate) fn answered(mut self, next: Option<Duration>) {
        let marks = std::mem::take(&mut self.marks);
        if let (Some(next), Some(index)) = (next, self.bell.index()) {
            let next = u64::try_from(next.as_millis()).unwrap_or(u64::MAX);
            let due = Tick::of(index.now().saturating_add(next));
            marks.iter().for_each(|mark| self.bell.ask_from(*mark, due));
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.marks
            .iter()
            .for_each(|mark| self.bell.ask_at_once(*mark));
    }
}

/// What the keeper of the connection tells.
impl Doorbell {
    /// Rings for a context by its key.
    pub(crate) fn ring_key(&self, key: &[u8]) {
        let mark = self.marker.of_key(key);
        self.ask_at_once(mark);
        self.watches.ring(mark);
    }

    /// Notes that something was heard.
    pub(crate) fn hear(&self) {
        if let Some(index) = self.index() {
            index.heard.store(index.now(), Ordering::Release);
        }
    }

    /// Tells for how long nothing was heard.
    pub(crate) fn silent_for(&self) -> Duration {
        let silent = |index: &Index| index.now() - index.heard.load(Ordering::Acquire);
        Duration::from_millis(self.index().map_or(0, silent))
    }

    /// Begins to go through all that there is in the store.
    pub(crate) fn begin_round(&self) -> Option<Round<'_>> {
        let index = self.index()?;
        index.marks.begin_generation();
        Some(Round {
            bell: self,
            index,
            state: index.state.load(Ordering::Acquire),
        })
    }
}

/// Going through all that there is in the store, while changes ring.
pub(crate) struct Round<'a> {
    bell: &'a Doorbell,
    index: &'a Index,
    state: u64,
}

impl Round<'_> {
    /// Notes that a key is there. Where all was known before, what is known of it stays; else nobody knows
    /// whether it has changed, and it is asked for.
    pub(crate) fn seen(&self, key: &[u8]) {
        let mark = self.bell.marker.of_key(key);
        if !self.is_repeated() {
            self.bell.ask_at_once(mark);
        } else if let Err(Overflow) = self.index.marks.seen(mark) {
            self.bell.lose();
        }
    }

    /// Tells whether all was known when it began, so that nobody waits for its end.
    pub(crate) fn is_repeated(&self) -> bool {
        self.state & COMPLETE != 0
    }

    /// Ends it: what was neither seen nor rung for is gone, and from now on what has no mark has nothing to
    /// show.
    pub(crate) fn end(self) {
        self.index.marks.end_generation();
        let complete = self.state | COMPLETE;
        // Refused if all was lost meanwhile: then nothing is known.
        let _ = self.index.state.compare_exchange(
            self.state,
            complete,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }
}
