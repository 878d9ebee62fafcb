//! Reads that are made once for all who ask at the same time, as the deliveries of one event do.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::Error;

type Read<T> = BoxFuture<'static, Result<T, Error>>;

/// The reads that are in progress.
pub(super) struct SharedReads<K, T>(Mutex<HashMap<K, WeakShared<Read<T>>>>);

impl<K, T> Default for SharedReads<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T: Clone> SharedReads<K, T> {
    /// Returns the read of a key that is in progress; begins one if there is none. A reply may be older than the call by
    /// one round trip.
    ///
    /// Cancel safe: if a future is dropped, those that share the read go on with it.
    pub(super) fn join(&self, key: K, read: impl FnOnce() -> Read<T>) -> Shared<Read<T>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reads.get(&key).and_then(WeakShared::upgrade);
        if let Some(known) = known.filter(|read| read.peek().is_none()) {
            return known;
        }
        // Bounds the map by the reads in progress.
        reads.retain(|_, read| read.upgrade().is_some());
        let read = read().shared();
        if let Some(weak) = read.downgrade() {
            reads.insert(key, weak);
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[derive(Default)]
    struct Store {
        reads: Arc<AtomicUsize>,
        replies: Arc<Notify>,
        shared: SharedReads<&'static str, usize>,
    }

    impl Store {
        /// Returns the number of the read.
        fn read(&self, key: &'static str) -> Shared<Read<usize>> {
            let (reads, replies) = (Arc::clone(&self.reads), Arc::clone(&self.replies));
            self.shared.join(key, || {
                let number = reads.fetch_add(1, Ordering::SeqCst) + 1;
                let read = async move {
                    replies.notified().await;
                    Ok(number)
                };
                read.boxed()
            })
        }
    }

    #[tokio::test]
    async fn reads_of_one_time_are_one_and_a_later_one_is_another() {
        let store = Store::default();
        let reads = [store.read("a"), store.read("a"), store.read("b")];
        let first = store.read("a");
        let reply = async {
            tokio::task::yield_now().await;
            store.replies.notify_waiters();
        };
        let (numbers, ()) = tokio::join!(join_all(reads), reply);
        let numbers: Vec<_> = numbers.into_iter().map(Result::ok).collect();
        assert_eq!(numbers, [Some(1), Some(1), Some(2)]);
        // One that is held is not joined once it has ended.
        assert_eq!(first.peek().map(|reply| reply.is_ok()), Some(true));
        let later = store.read("a");
        store.replies.notify_one();
        assert_eq!(later.await.ok(), Some(3));
    }

    #[tokio::test]
    async fn read_whose_first_caller_is_dropped_ends_for_the_others() {
        let store = Store::default();
        let (dropped, other) = (store.read("a"), store.read("a"));
        drop(dropped);
        store.replies.notify_one();
        assert_eq!(other.await.ok(), Some(1));
        assert_eq!(store.read("b").peek().map(Result::is_ok), None);
        let reads = store.shared.0.lock().map(|reads| reads.len());
        assert_eq!(reads.ok(), Some(1));
    }
}
