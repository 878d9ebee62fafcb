//! Who waits for which context.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::changes::fingerprint::Fingerprint;

/// Whether it has rung since somebody looked: many rings are one.
#[derive(Default)]
pub(super) struct Signal {
    is_set: AtomicBool,
    notify: Notify,
}

impl Signal {
    fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    pub(super) async fn wait(&self) {
        while !self.is_set.swap(false, Ordering::AcqRel) {
            self.notify.notified().await;
        }
    }
}

/// Who waits for which context.
#[derive(Default)]
pub(crate) struct Listeners {
    signals: Mutex<HashMap<Fingerprint, Vec<Arc<Signal>>>>,
    /// How many contexts are waited for: most rings are for none, and look no further.
    count: AtomicUsize,
}

impl Listeners {
    pub(super) fn register(&self, marks: &[Fingerprint], rung: &Arc<Signal>) {
        let mut waiting = self.lock();
        for mark in marks {
            waiting.entry(*mark).or_default().push(Arc::clone(rung));
        }
        self.count.store(waiting.len(), Ordering::Release);
    }

    pub(super) fn unregister(&self, marks: &[Fingerprint], rung: &Arc<Signal>) {
        let mut waiting = self.lock();
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

    pub(crate) fn notify(&self, mark: Fingerprint) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for rung in self.lock().get(&mark).into_iter().flatten() {
            rung.set();
        }
    }

    pub(crate) fn notify_all(&self) {
        let waiting = self.lock();
        let mut rung = HashSet::new();
        for one in waiting.values().flatten() {
            // A watch waits for several contexts, and rings once.
            if rung.insert(Arc::as_ptr(one)) {
                one.set();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Vec<Arc<Signal>>>> {
        // Nothing in here is half-changed when a panic strikes.
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
