//! The time of a whole test, which passes only when told to.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use salver::store::{Clock, MemoryStore, Store};

use crate::support::processes::scratch;

/// One time for a memory store, for a redis-server and for whoever asks.
pub struct Time {
    pub clock: Clock,
    /// Where the server reads it.
    pub path: PathBuf,
    file: File,
    now: u64,
}

impl Time {
    pub async fn new() -> Self {
        let clock = Clock::manual();
        // A clock does not say its time, but a lease of no length ends at it.
        let store = MemoryStore::with_clock(clock.clone());
        let claim = store.claim(&[], Duration::ZERO, Duration::ZERO).await;
        let path = scratch("time").join("now");
        let time = Self {
            clock,
            file: File::create(&path).unwrap(),
            path,
            now: claim.unwrap().lease_until_ms,
        };
        time.write();
        time
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn pass(&mut self, millis: u64) {
        self.now += millis;
        self.clock.advance(Duration::from_millis(millis));
        if millis > 0 {
            self.write();
        }
    }

    /// In the middle of the millisecond, so that no rounding leads to the one before.
    fn write(&self) {
        let (seconds, millis) = (self.now / 1000, self.now % 1000);
        let moment = format!("{seconds}.{millis:03}5\n");
        self.file.write_all_at(moment.as_bytes(), 0).unwrap();
    }
}
