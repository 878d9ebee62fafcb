//! The pending index: contexts that have no mark have nothing to show, while a connection tells of changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "redis")]
use tokio::sync::Notify;

use crate::changes::dirty_map::Marks;
#[cfg(feature = "web")]
use crate::changes::dirty_map::Tick;
#[cfg(feature = "web")]
use crate::changes::fingerprint::Mark;

/// How long the connection may be silent before nothing is known any more: less than the second that is promised.
const SILENCE: Duration = Duration::from_millis(700);
/// The bit of the state that says that all that there is in the store has been marked.
pub(crate) const COMPLETE: u64 = 1;

/// What is known without asking.
pub(crate) struct Index {
    born: Instant,
    /// How often all was lost, times two, and [`COMPLETE`].
    pub(crate) state: AtomicU64,
    /// When something was heard last, in milliseconds after birth.
    pub(crate) heard: AtomicU64,
    pub(crate) marks: Marks,
    /// Rung when all has to be gone through at once.
    #[cfg(feature = "redis")]
    pub(crate) lost: Notify,
    /// Whether all was lost for want of room.
    pub(crate) crowded: AtomicBool,
    /// Held while all is lost: a round that begins halfway would not know which of its marks went.
    losing: Mutex<()>,
}

/// That all was known: the state, and the time.
type Known = (u64, u64);

impl Index {
    #[cfg(feature = "redis")]
    pub(crate) fn with_room_for(marks: usize) -> Self {
        Self {
            born: Instant::now(),
            state: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            marks: Marks::with_room_for(marks),
            lost: Notify::new(),
            crowded: AtomicBool::new(false),
            losing: Mutex::default(),
        }
    }

    /// Tells whether what has no mark has nothing to show.
    pub(crate) fn knows(&self) -> Option<Known> {
        let state = self.state.load(Ordering::Acquire);
        // The time is looked at here too: whoever is to notice the silence may itself be standing still.
        let at = self.now();
        let silent = at.saturating_sub(self.heard.load(Ordering::Acquire));
        let known = state & COMPLETE != 0 && silent <= SILENCE.as_millis() as u64;
        known.then_some((state, at))
    }

    #[cfg(feature = "web")]
    pub(super) fn is_quiet(&self, now: Tick, mark: Mark) -> bool {
        self.marks.get(mark).is_none_or(|from| from > now)
    }

    /// Keeps others from losing all, or waits until they have.
    pub(crate) fn losing(&self) -> MutexGuard<'_, ()> {
        self.losing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether all was known until now.
    pub(super) fn lose(&self, _losing: &MutexGuard<'_, ()>) -> bool {
        let lost = |state: u64| Some((state | COMPLETE).wrapping_add(1));
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, lost);
        self.marks.clear();
        // It always gives a next state, so it never fails.
        before.is_ok_and(|state| state & COMPLETE != 0)
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
