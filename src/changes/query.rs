//! Queries in flight, and the effect of their results on the pending index.

use std::time::Duration;

use crate::Context;
use crate::changes::dirty_map::{Due, QueryNumber};
use crate::changes::fingerprint::Fingerprint;
use crate::changes::source::Changes;

/// Maximum delay after which a context with a message that is not yet visible is due. Longer delays
/// are not trusted, because the clocks of the server and of this process can drift apart.
const MAX_DUE_DELAY: Duration = Duration::from_secs(60);

impl Changes {
    /// Begins a query. Its result covers earlier changes, and no later one. Other pages query the
    /// same contexts until the result is recorded.
    pub(crate) fn begin_query(&self, contexts: &[Context]) -> QueryGuard<'_> {
        let fingerprints = self.fingerprinter.fingerprint_all(contexts);
        let began = self.index().map(|index| Began {
            query: index.dirty.begin_query(&fingerprints),
            at: index.now(),
        });
        QueryGuard {
            changes: self,
            fingerprints,
            began,
        }
    }
}

/// A query in flight. Dropping it without a result makes its contexts due immediately.
#[must_use]
pub(crate) struct QueryGuard<'a> {
    changes: &'a Changes,
    /// The contexts without a recorded result.
    fingerprints: Vec<Fingerprint>,
    /// `None` without an index.
    began: Option<Began>,
}

/// The begin of a query.
struct Began {
    query: QueryNumber,
    /// Time of the request: the reply may be late, and then a delay in it has partly passed.
    at: u64,
}

impl QueryGuard<'_> {
    /// Records the result: without a change, no further message becomes visible within `next`, or
    /// at all if it is `None`.
    pub(crate) fn finish(mut self, next: Option<Duration>) {
        let fingerprints = std::mem::take(&mut self.fingerprints);
        let (Some(index), Some(began)) = (self.changes.index(), &self.began) else {
            return;
        };
        let due = next.map(|next| {
            let next = u64::try_from(next.min(MAX_DUE_DELAY).as_millis()).unwrap_or(u64::MAX);
            Due::after_millis(began.at.saturating_add(next))
        });
        for fingerprint in fingerprints {
            let finished = index.dirty.finish_query(began.query, fingerprint, due);
            self.changes.check_capacity(index, finished);
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
