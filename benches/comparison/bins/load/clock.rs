//! What all visitors look at: whether it counts yet, and whether it is over.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How long the visitors are let in before it counts.
const WARM_UP: Duration = Duration::from_millis(200);

const MEASURING: u8 = 1;
const OVER: u8 = 2;

#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU8);

impl Clock {
    /// Lets it count for a while; tells how long that was.
    pub(crate) async fn run(&self, time: Duration) -> Duration {
        tokio::time::sleep(WARM_UP).await;
        let started = Instant::now();
        self.0.store(MEASURING, Ordering::Relaxed);
        tokio::time::sleep(time).await;
        self.0.store(OVER, Ordering::Relaxed);
        started.elapsed()
    }

    pub(crate) fn is_measuring(&self) -> bool {
        self.0.load(Ordering::Relaxed) == MEASURING
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OVER
    }
}
