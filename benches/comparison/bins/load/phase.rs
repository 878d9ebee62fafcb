//! The phase of the run, which all clients read: warm-up, measurement, or finished.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Length of the warm-up, whose pages or cycles are not counted.
const WARM_UP: Duration = Duration::from_millis(200);

const MEASURING: u8 = 1;
const FINISHED: u8 = 2;

#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    /// Runs the warm-up, then the measurement for `time`. Returns the exact length of the
    /// measurement.
    pub(crate) async fn run(&self, time: Duration) -> Duration {
        tokio::time::sleep(WARM_UP).await;
        let started = Instant::now();
        self.0.store(MEASURING, Ordering::Relaxed);
        tokio::time::sleep(time).await;
        self.0.store(FINISHED, Ordering::Relaxed);
        started.elapsed()
    }

    pub(crate) fn is_measuring(&self) -> bool {
        self.0.load(Ordering::Relaxed) == MEASURING
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FINISHED
    }
}
