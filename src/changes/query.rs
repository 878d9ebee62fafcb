//! A query that the store is being asked, and what its answer means for the index.

use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::Tick;
use crate::changes::fingerprint::Mark;
use crate::changes::source::Doorbell;

/// Longest time for which an answer is trusted that says when something falls due: the server's clock and this
/// process's may run apart.
const LONGEST: Duration = Duration::from_secs(60);

impl Doorbell {
    /// Begins a look: what rang before is answered by it, what rings from now on is not. Until it is answered
    /// others ask too.
    pub(crate) fn look(&self, contexts: &[Context]) -> Look<'_> {
        let marks = self.marker.of_all(contexts);
        if let Some(index) = self.index() {
            marks.iter().for_each(|mark| index.marks.asked(*mark));
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
        let Some(index) = self.bell.index() else {
            return;
        };
        let due = next.map(|next| {
            let next = u64::try_from(next.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
            Tick::of(index.now().saturating_add(next))
        });
        for mark in marks {
            self.bell.note(index, index.marks.answered(mark, due));
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
