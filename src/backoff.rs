//! Delays between attempts: exponential backoff and random jitter.

use std::time::Duration;

/// The delays between attempts that fail: each twice as long as the one before, up to a maximum.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max,
            next: initial,
        }
    }

    /// Returns the next delay. For attempts that other processes do not make at the same time.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.max);
        delay
    }

    /// Returns a random part of the next delay, so that processes that lost the same server do not
    /// all retry together.
    pub(crate) fn next_jittered(&mut self) -> Duration {
        jitter(self.next_delay())
    }

    /// Starts again with the initial delay.
    pub(crate) fn reset(&mut self) {
        self.next = self.initial;
    }
}

/// Returns a random duration between zero and `max`.
///
/// This is the full jitter of "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
pub(crate) fn jitter(max: Duration) -> Duration {
    max.mul_f64(fastrand::f64())
}
