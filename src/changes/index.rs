//! The pending index: contexts that have no mark have nothing to show, while a connection tells of changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "redis")]
use tokio::sync::Notify;

use crate::changes::dirty_map::{Marks, Overflow, Tick};
use crate::changes::fingerprint::Mark;
use crate::changes::{Doorbell, Source};
#[cfg(feature = "web")]
use crate::{SessionId, View};

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
    fn is_quiet(&self, now: Tick, mark: Mark) -> bool {
        self.marks.get(mark).is_none_or(|from| from > now)
    }

    /// Keeps others from losing all, or waits until they have.
    pub(crate) fn losing(&self) -> MutexGuard<'_, ()> {
        self.losing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether all was known until now.
    fn lose(&self, _losing: &MutexGuard<'_, ()>) -> bool {
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

/// What pages ask and tell.
impl Doorbell {
    /// Tells whether it is known that a page of this view has nothing to show.
    #[cfg(feature = "web")]
    pub(crate) fn is_quiet(&self, app: &str, session: &SessionId, view: &View) -> bool {
        let Some(index) = self.index() else {
            return false;
        };
        let Some((state, now)) = index.knows() else {
            return false;
        };
        let (now, mark_of) = (Tick::of(now), self.marker.of_views(app, session));
        index.is_quiet(now, mark_of(view))
            && (view.is_any() || index.is_quiet(now, mark_of(&View::ANY)))
            // If all was lost meanwhile, so were the marks.
            && index.state.load(Ordering::Acquire) == state
    }

    /// Tells whether all that may be pending is known; nothing where that is never so.
    pub(crate) fn is_complete(&self) -> Option<bool> {
        self.index().map(|index| index.knows().is_some())
    }

    pub(crate) fn ask_at_once(&self, mark: Mark) {
        self.ask_from(mark, Tick::AT_ONCE);
    }

    pub(crate) fn ask_from(&self, mark: Mark, tick: Tick) {
        if let Some(index) = self.index() {
            self.note(index, index.marks.ask_from(mark, tick));
        }
    }

    /// Where there was no room for a mark, nothing is known any more. Going through all at once would be in
    /// vain.
    pub(crate) fn note(&self, index: &Index, marked: Result<(), Overflow>) {
        if let Err(Overflow) = marked {
            index.crowded.store(true, Ordering::Relaxed);
            self.forget(index, &index.losing());
        }
    }

    pub(crate) fn forget(&self, index: &Index, losing: &MutexGuard<'_, ()>) {
        if index.lose(losing) {
            self.watches.ring_all();
        }
    }

    pub(crate) fn index(&self) -> Option<&Index> {
        match &self.source {
            Source::Connection(index) => Some(index),
            Source::Store | Source::Nobody => None,
        }
    }
}
