//! Who waits for which context.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::changes::fingerprint::Mark;

/// Whether it has rung since somebody looked: many rings are one.
#[derive(Default)]
pub(super) struct Rung {
    has_rung: AtomicBool,
    waiting: Notify,
}

impl Rung {
    fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
        self.waiting.notify_one();
    }

    pub(super) async fn heard(&self) {
        while !self.has_rung.swap(false, Ordering::AcqRel) {
            self.waiting.notified().await;
        }
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
    pub(super) fn register(&self, marks: &[Mark], rung: &Arc<Rung>) {
        let mut waiting = self.waiting();
        for mark in marks {
            waiting.entry(*mark).or_default().push(Arc::clone(rung));
        }
        self.count.store(waiting.len(), Ordering::Release);
    }

    pub(super) fn unregister(&self, marks: &[Mark], rung: &Arc<Rung>) {
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
