//! Changes of inboxes: they wake the streams of open pages, and end the validity of unread counts
//! that this process keeps.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "redis")]
use tokio::time::Instant;

use crate::changes::Changes;
#[cfg(feature = "redis")]
use crate::changes::Freshness;
#[cfg(feature = "live")]
use crate::changes::Listener;
use crate::context::encode;
use crate::inbox::key::InboxKey;

/// Maximum number of recipients whose unread count is kept, those of the last pages. Bounds the
/// memory of a process.
const MAX_COUNTS: usize = 100_000;

/// The changes of all inboxes of one application, in memory or in Redis.
pub(super) struct InboxChanges {
    /// Wakes the listeners.
    changes: Arc<Changes>,
    /// One for each kind of key that is tracked; `None` if this process makes all changes.
    #[cfg(feature = "redis")]
    tracked: Option<Vec<Freshness>>,
    keeps_counts: bool,
    counts: Mutex<UnreadCounts>,
}

impl Default for InboxChanges {
    /// The changes of the memory of this process.
    fn default() -> Self {
        Self {
            changes: Arc::new(Changes::new()),
            #[cfg(feature = "redis")]
            tracked: None,
            keeps_counts: true,
            counts: Mutex::default(),
        }
    }
}

/// Identifies an inbox in the keys of Redis and in memory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ChangeKey(Box<[u8]>);

impl ChangeKey {
    pub(super) fn of(inbox: InboxKey<'_>) -> Self {
        let (app, recipient) = (encode(inbox.app), encode(inbox.recipient.as_str()));
        Self(format!("{app}!{{{recipient}}}").into_bytes().into())
    }

    /// Returns the inbox of a key such as `app!unread:{recipient}`.
    #[cfg(feature = "redis")]
    fn of_key(key: &[u8]) -> Option<Self> {
        let app = key.iter().position(|byte| *byte == b'!')?;
        let recipient = key.iter().position(|byte| *byte == b'{')?;
        let parts = [key.get(..=app)?, key.get(recipient..)?];
        Some(Self(parts.concat().into()))
    }
}

impl InboxChanges {
    /// Returns the changes of keys that Redis reports, `kinds` kinds of them. None for a server that
    /// reports none.
    ///
    /// `keeps_counts`: whether unread counts are certain while all changes are reported. In a Cluster
    /// an inbox can be on a server that is not known yet.
    #[cfg(feature = "redis")]
    pub(super) fn tracked(kinds: usize, keeps_counts: bool) -> Self {
        Self {
            tracked: Some((0..kinds).map(|_| Freshness::new()).collect()),
            keeps_counts,
            ..Self::default()
        }
    }

    /// Returns whether all changes are reported at present.
    pub(super) fn is_complete(&self) -> bool {
        #[cfg(feature = "redis")]
        if let Some(tracked) = &self.tracked {
            return !tracked.is_empty() && tracked.iter().all(Freshness::is_proven);
        }
        true
    }

    /// Returns whether this process can know unread counts.
    pub(super) fn keeps_counts(&self) -> bool {
        self.keeps_counts
    }

    /// Reports that something may have changed in an inbox.
    pub(super) fn mark_changed(&self, key: &ChangeKey) {
        self.lock().forget(key);
        self.changes.wake(&key.0);
    }

    /// Reports that a key has changed.
    #[cfg(feature = "redis")]
    pub(super) fn mark_key_changed(&self, key: &[u8]) {
        if let Some(key) = ChangeKey::of_key(key) {
            self.mark_changed(&key);
        }
    }

    /// Records that every change of a kind of key before this time has been reported.
    #[cfg(feature = "redis")]
    pub(super) fn record_heartbeat(&self, kind: usize, time: Instant) {
        if let Some(freshness) = self.tracked.as_ref().and_then(|tracked| tracked.get(kind)) {
            freshness.prove(time);
        }
    }

    /// Reports that changes of a kind of key may have been missed.
    #[cfg(feature = "redis")]
    pub(super) fn invalidate_all(&self, kind: usize) {
        let freshness = self.tracked.as_ref().and_then(|tracked| tracked.get(kind));
        self.lock().clear();
        // Streams poll until changes are reported for the first time.
        if freshness.is_some_and(Freshness::revoke) {
            self.changes.wake_all();
        }
    }

    #[cfg(feature = "live")]
    pub(super) fn listen(&self, key: &ChangeKey) -> Listener {
        self.changes.listen_keys([&key.0])
    }

    /// Returns the unread count of a recipient, if it is certain.
    pub(super) fn unread(&self, key: &ChangeKey) -> Option<u64> {
        self.is_complete().then(|| self.lock().get(key)).flatten()
    }

    /// Begins a query of an unread count.
    pub(super) fn begin_query(&self, key: &ChangeKey) -> Option<Query> {
        self.is_complete().then(|| self.lock().begin(key))
    }

    /// Records the count, unless the inbox has changed since the query began.
    pub(super) fn finish_query(&self, key: &ChangeKey, query: Option<Query>, unread: u64) {
        if let Some(query) = query {
            self.lock().finish(key, query, unread);
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnreadCounts> {
        // A panic cannot leave the maps half changed, so a poisoned lock is safe to use.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query that has not ended.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Query(u64);

enum Known {
    Querying(Query),
    Unread(u64),
}

/// The unread counts of the recipients that were used last: those since the last rotation, and those
/// between the last two.
#[derive(Default)]
struct UnreadCounts {
    recent: HashMap<ChangeKey, Known>,
    older: HashMap<ChangeKey, Known>,
    queries: u64,
}

impl UnreadCounts {
    fn get(&mut self, key: &ChangeKey) -> Option<u64> {
        if let Some(known) = self.older.remove(key) {
            self.insert(key, known);
        }
        match self.recent.get(key)? {
            Known::Unread(count) => Some(*count),
            Known::Querying(_) => None,
        }
    }

    fn insert(&mut self, key: &ChangeKey, known: Known) {
        if self.recent.len() >= MAX_COUNTS / 2 {
            self.older = mem::take(&mut self.recent);
        }
        self.recent.insert(key.clone(), known);
    }

    fn begin(&mut self, key: &ChangeKey) -> Query {
        self.queries += 1;
        let query = Query(self.queries);
        self.insert(key, Known::Querying(query));
        query
    }

    fn finish(&mut self, key: &ChangeKey, query: Query, unread: u64) {
        if let Some(known @ Known::Querying(_)) = self.recent.get_mut(key)
            && matches!(known, Known::Querying(current) if *current == query)
        {
            *known = Known::Unread(unread);
        }
    }

    fn forget(&mut self, key: &ChangeKey) {
        self.recent.remove(key);
        self.older.remove(key);
    }

    #[cfg(feature = "redis")]
    fn clear(&mut self) {
        self.recent.clear();
        self.older.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipient;

    fn key(id: u64) -> ChangeKey {
        let recipient = &Recipient::user(id);
        ChangeKey::of(InboxKey {
            app: "app",
            recipient,
        })
    }

    #[test]
    fn change_during_query_is_not_overwritten() {
        let changes = InboxChanges::default();
        let query = changes.begin_query(&key(1));
        changes.mark_changed(&key(1));
        changes.finish_query(&key(1), query, 3);
        assert_eq!(changes.unread(&key(1)), None);
        let earlier = changes.begin_query(&key(1));
        changes.mark_changed(&key(1));
        let later = changes.begin_query(&key(1));
        changes.finish_query(&key(1), earlier, 2);
        assert_eq!(changes.unread(&key(1)), None);
        changes.finish_query(&key(1), later, 3);
        assert_eq!(changes.unread(&key(1)), Some(3));
        changes.mark_changed(&key(2));
        assert_eq!(changes.unread(&key(1)), Some(3));
    }

    #[test]
    fn counts_of_last_recipients_are_kept() {
        let changes = InboxChanges::default();
        for id in 0..MAX_COUNTS as u64 * 2 {
            let query = changes.begin_query(&key(id));
            changes.finish_query(&key(id), query, id);
            assert_eq!(changes.unread(&key(0)), Some(0), "used at each step");
        }
        let last = MAX_COUNTS as u64 * 2 - 1;
        assert_eq!(changes.unread(&key(last)), Some(last));
        assert_eq!(changes.unread(&key(1)), None);
        let counts = changes.lock();
        assert!(counts.recent.len() + counts.older.len() <= MAX_COUNTS);
    }

    #[cfg(feature = "redis")]
    #[test]
    fn key_in_redis_is_key_of_inbox() {
        let tracked = InboxChanges::tracked(1, true);
        assert!(!tracked.is_complete());
        tracked.record_heartbeat(0, Instant::now());
        let query = tracked.begin_query(&key(1));
        tracked.finish_query(&key(1), query, 3);
        tracked.mark_key_changed(b"app!unread:{user%3A2}");
        assert_eq!(tracked.unread(&key(1)), Some(3));
        tracked.mark_key_changed(b"app!unread:{user%3A1}");
        assert_eq!(tracked.unread(&key(1)), None);
    }
}
