//! The clock of a memory store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::store::millis;

/// The clock of a [`MemoryStore`](super::MemoryStore).
///
/// [`Clock::manual`] stands still until it is advanced, so that tests of expiry and leases do not
/// have to wait. The ids of messages contain the time of the system's clock. After an advance by
/// more than `max_age`, new messages therefore count as expired.
///
/// ```
/// use std::time::Duration;
/// use salver::{Message, Salver, SessionId, store::{Clock, MemoryStore}};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// let clock = Clock::manual();
/// let salver = Salver::new("shop", MemoryStore::with_clock(clock.clone()))?;
/// let context = salver.context(SessionId::new("ada")?, "settings")?;
/// salver.add(&context, Message::info("for an hour")).await?;
///
/// clock.advance(Duration::from_secs(3600));
/// assert!(salver.peek(&context).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// Creates a clock that follows the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// Creates a clock that starts at the system's time and stands still until it is advanced.
    #[must_use]
    pub fn manual() -> Self {
        Self(Some(Arc::new(AtomicU64::new(system_ms()))))
    }

    /// Advances a manual clock. Has no effect on a system clock.
    pub fn advance(&self, time: Duration) {
        if let Some(now) = &self.0 {
            now.fetch_add(millis(time), Ordering::SeqCst);
        }
    }

    /// Moves a manual clock back, as a correction of the system's clock does. Has no effect on a system
    /// clock.
    pub fn rewind(&self, time: Duration) {
        if let Some(now) = &self.0 {
            now.fetch_sub(millis(time), Ordering::SeqCst);
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.0
            .as_ref()
            .map_or_else(system_ms, |now| now.load(Ordering::SeqCst))
    }
}

fn system_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(elapsed.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
