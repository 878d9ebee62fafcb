//! A query that the store is being asked, and what its answer means for the index.

use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::Due;
use crate::changes::fingerprint::Fingerprint;
use crate::changes::source::Changes;

/// Longest time for which an answer is trusted that says when something falls due: the server's clock and this
/// process's may run apart.
const MAX_DUE_DELAY: Duration = Duration::from_secs(60);

impl Changes {
    /// Begins a look: what rang before is answered by it, what rings from now on is not. Until it is answered
    /// others ask too.
    pub(crate) fn begin_query(&self, contexts: &[Context]) -> QueryGuard<'_> {
        let fingerprints = self.fingerprinter.fingerprint_all(contexts);
        if let Some(index) = self.index() {
            fingerprints
                .iter()
                .for_each(|fingerprint| index.dirty.begin_query(*fingerprint));
        }
        QueryGuard {
            changes: self,
            fingerprints,
        }
    }
}

/// A look that is under way. Dropped without an answer, its contexts are asked for again.
#[must_use]
pub(crate) struct QueryGuard<'a> {
    changes: &'a Changes,
    /// Those whose answer is not there yet.
    fingerprints: Vec<Fingerprint>,
}

impl QueryGuard<'_> {
    /// Notes the answer: nothing more may be shown before this time, unless it rings.
    pub(crate) fn finish(mut self, next: Option<Duration>) {
        let fingerprints = std::mem::take(&mut self.fingerprints);
        let Some(index) = self.changes.index() else {
            return;
        };
        let due = next.map(|next| {
            let next = u64::try_from(next.min(MAX_DUE_DELAY).as_millis()).unwrap_or(u64::MAX);
            Due::after_millis(index.now().saturating_add(next))
        });
        for fingerprint in fingerprints {
            self.changes
                .check_capacity(index, index.dirty.finish_query(fingerprint, due));
        }
    }
}

impl Drop for QueryGuard<'_> {
    fn drop(&mut self) {
        self.fingerprints
            .iter()
            .for_each(|fingerprint| self.changes.mark_dirty_now(*fingerprint));
    }
}
