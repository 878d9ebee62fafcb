//! A manual clock for a whole test.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use salver::store::{Clock, MemoryStore, Store};

use super::processes::scratch;

/// A clock that a memory store, a redis-server and a model share. It stands still until it is moved.
pub struct TestClock {
    pub clock: Clock,
    /// The file from which the server reads the time.
    pub path: PathBuf,
    file: File,
    now: u64,
}

impl TestClock {
    pub async fn new() -> Self {
        let clock = Clock::manual();
        // `Clock` does not expose its time, but a lease of zero length ends at the current time.
        let store = MemoryStore::with_clock(clock.clone());
        let claim = store.claim(&[], Duration::ZERO, Duration::ZERO).await;
        let path = scratch("time").join("now");
        let this = Self {
            clock,
            file: File::create(&path).unwrap(),
            path,
            now: claim.unwrap().lease_until_ms,
        };
        this.write();
        this
    }

    /// Returns the current time in Unix milliseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.clock.advance(Duration::from_millis(millis));
        if millis > 0 {
            self.write();
        }
    }

    pub fn rewind(&mut self, millis: u64) {
        self.now -= millis;
        self.clock.rewind(Duration::from_millis(millis));
        self.write();
    }

    /// Writes the middle of the millisecond, so that rounding never returns the previous one.
    fn write(&self) {
        let (seconds, millis) = (self.now / 1000, self.now % 1000);
        let time = format!("{seconds}.{millis:03}5\n");
        self.file.write_all_at(time.as_bytes(), 0).unwrap();
    }
}
