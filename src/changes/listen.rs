//! Waiting for a context without asking.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::changes::fingerprint::Mark;
use crate::changes::{Doorbell, Source};

/// How often a watch rings by itself while nobody tells of changes.
pub(crate) const BLIND: Duration = Duration::from_secs(1);

/// Waits until something may have changed in a context. Made by [`Salver::watch`](crate::Salver::watch).
///
/// Dropping it ends the watch. It holds no connection: all of a process share the one that tells.
pub struct Watch {
    bell: Arc<Doorbell>,
    marks: Vec<Mark>,
    rung: Arc<Rung>,
}

/// Whether it has rung since somebody looked: many rings are one.
#[derive(Default)]
struct Rung {
    has_rung: AtomicBool,
    waiting: Notify,
}

impl Rung {
    fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
        self.waiting.notify_one();
    }

    async fn heard(&self) {
        while !self.has_rung.swap(false, Ordering::AcqRel) {
            self.waiting.notified().await;
        }
    }
}

impl Watch {
    pub(crate) fn new(bell: &Arc<Doorbell>, marks: Vec<Mark>) -> Self {
        let rung = Arc::default();
        bell.watches.register(&marks, &rung);
        Self {
            bell: Arc::clone(bell),
            marks,
            rung,
        }
    }

    /// Waits until something may have changed since the last call: look again then.
    ///
    /// Several changes may be one ring, and a ring may be for nothing. None is missed for good: while nobody
    /// tells this process of changes it rings once a second. What falls due by itself, a scheduled message or
    /// the end of a lease, does not ring: the look before it says when, in [`Found::next`](crate::store::Found::next).
    ///
    /// # Cancel safety
    ///
    /// Safe: a ring that nobody waited for is there for the next call.
    ///
    /// # Panics
    ///
    /// Where nobody tells, as in a Cluster, outside of a tokio runtime with time enabled, as every timer of tokio.
    pub async fn rung(&mut self) {
        match self.bell.source {
            // What it was then makes no difference: look again.
            Source::Nobody => drop(timeout(BLIND, self.rung.heard()).await),
            Source::Store | Source::Connection(_) => self.rung.heard().await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bell.watches.unregister(&self.marks, &self.rung);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// Who waits for which context.
#[derive(Default)]
pub(crate) struct Watches {
    waiting: Mutex<HashMap<Mark, Vec<Arc<Rung>>>>,
    /// How many contexts are waited for: most rings are for none, and look no further.
    count: AtomicUsize,
}

impl Watches {
    fn register(&self, marks: &[Mark], rung: &Arc<Rung>) {
        let mut waiting = self.waiting();
        for mark in marks {
            waiting.entry(*mark).or_default().push(Arc::clone(rung));
        }
        self.count.store(waiting.len(), Ordering::Release);
    }

    fn unregister(&self, marks: &[Mark], rung: &Arc<Rung>) {
        let mut waiting = self.waiting();
        for mark in marks {
            if let Some(here) = waiting.get_mut(mark) {
                here.retain(|other| !Arc::ptr_eq(other, rung));
                if here.is_empty() {
                    waiting.remove(mark);
                }
            }
        }
        self.count.store(waiting.len(), Ordering::Release);
    }

    pub(crate) fn ring(&self, mark: Mark) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for rung in self.waiting().get(&mark).into_iter().flatten() {
            rung.ring();
        }
    }

    pub(crate) fn ring_all(&self) {
        let waiting = self.waiting();
        let mut rung = HashSet::new();
        for one in waiting.values().flatten() {
            // A watch waits for several contexts, and rings once.
            if rung.insert(Arc::as_ptr(one)) {
                one.ring();
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Mark, Vec<Arc<Rung>>>> {
        // Nothing in here is half-changed when a panic strikes.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
