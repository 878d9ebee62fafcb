//! The registered listeners, by the contexts that they wait for.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::changes::fingerprint::Fingerprint;

/// A flag for one listener: set by a change, reset by the wait. Several changes set it once.
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

/// The signals of all listeners, by the contexts that they wait for.
#[derive(Default)]
pub(crate) struct Listeners {
    signals: Mutex<HashMap<Fingerprint, Vec<Arc<Signal>>>>,
    /// Number of contexts with a listener. At 0, the usual number, a change takes no lock.
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
            if let Some(registered) = signals.get_mut(fingerprint) {
                registered.retain(|other| !Arc::ptr_eq(other, signal));
                if registered.is_empty() {
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
        let mut seen = HashSet::new();
        for signal in signals.values().flatten() {
            // A listener waits for several contexts; its signal is set once.
            if seen.insert(Arc::as_ptr(signal)) {
                signal.set();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Vec<Arc<Signal>>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
