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
    pub(super) fn register(&self, fingerprints: &[Fingerprint], signal: &Arc<Signal>) {
        let mut signals = self.lock();
        for fingerprint in fingerprints {
            signals
                .entry(*fingerprint)
                .or_default()
                .push(Arc::clone(signal));
        }
        self.count.store(signals.len(), Ordering::Release);
    }

    pub(super) fn unregister(&self, fingerprints: &[Fingerprint], signal: &Arc<Signal>) {
        let mut signals = self.lock();
        for fingerprint in fingerprints {
            if let Some(here) = signals.get_mut(fingerprint) {
                here.retain(|other| !Arc::ptr_eq(other, signal));
                if here.is_empty() {
                    signals.remove(fingerprint);
                }
            }
        }
        self.count.store(signals.len(), Ordering::Release);
    }

    pub(crate) fn notify(&self, fingerprint: Fingerprint) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for signal in self.lock().get(&fingerprint).into_iter().flatten() {
            signal.set();
        }
    }

    pub(crate) fn notify_all(&self) {
        let signals = self.lock();
        let mut signal = HashSet::new();
        for one in signals.values().flatten() {
            // A watch waits for several contexts, and rings once.
            if signal.insert(Arc::as_ptr(one)) {
                one.set();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Vec<Arc<Signal>>>> {
        // Nothing in here is half-changed when a panic strikes.
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
