//! Counts the calls to a store, and stops after one of them as a crash of the process would.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::task::yield_now;

/// The calls of one policy.
#[derive(Debug)]
pub(crate) struct CallCounter {
    finished: AtomicU64,
    /// Number of calls after which nothing continues.
    last: AtomicU64,
    stopped: Notify,
    /// Whether each call yields before it begins.
    yields: AtomicBool,
}

impl Default for CallCounter {
    fn default() -> Self {
        Self {
            finished: AtomicU64::new(0),
            last: AtomicU64::new(u64::MAX),
            stopped: Notify::new(),
            yields: AtomicBool::new(false),
        }
    }
}

impl CallCounter {
    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// Lets `calls` more calls finish. Their callers continue, except that of the last one.
    pub(crate) fn stop_after(&self, calls: u64) {
        let last = self.finished().saturating_add(calls);
        self.last.store(last, Ordering::Release);
    }

    /// Waits until the last call has finished.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    pub(crate) fn yield_before_calls(&self) {
        self.yields.store(true, Ordering::Release);
    }

    /// Never completes after the last call.
    pub(crate) async fn begin(&self) {
        if self.yields.load(Ordering::Acquire) {
            yield_now().await;
        }
        if self.finished() >= self.last.load(Ordering::Acquire) {
            pending::<()>().await;
        }
    }

    /// Counts a call. Never completes if it is the last one.
    pub(crate) async fn finish(&self) {
        let finished = self.finished.fetch_add(1, Ordering::AcqRel) + 1;
        if finished >= self.last.load(Ordering::Acquire) {
            self.stopped.notify_one();
            pending::<()>().await;
        }
    }
}
