//! All streams of this process: how many there are, and how they learn that they are to end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{Context, SessionId, View, telemetry};

/// Most streams of one process. Stops visitors from taking the descriptors and the memory that pages need.
const MAX_STREAMS: usize = 25_000;
/// Most streams of one session in one process: as many views as one person has open, and no more. Stops one visitor
/// from taking the places of all.
const MAX_STREAMS_PER_SESSION: usize = 32;

/// Those of this process.
pub(crate) static STREAMS: LazyLock<Streams> = LazyLock::new(Streams::default);

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Farewell {
    /// The process ends: come again, to another.
    Closing = 1,
    /// The session has ended: what the page shows is not this visitor's any more.
    Reset = 2,
    /// The browser has opened another stream of the view: nobody reads this one.
    Replaced = 3,
}

type Whose = (Arc<str>, SessionId);

/// All streams.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// The streams by whose they are.
    sessions: HashMap<Whose, Vec<Arc<End>>>,
    count: usize,
    closing: bool,
}

/// How one stream learns that it is to end.
struct End {
    view: View,
    /// Which browser it is for, where that has one stream of a view.
    by: Option<String>,
    word: AtomicU8,
    said: Notify,
}

impl End {
    fn say(&self, farewell: Farewell) {
        self.word.store(farewell as u8, Ordering::Release);
        self.said.notify_one();
    }

    fn word(&self) -> Option<Farewell> {
        match self.word.load(Ordering::Acquire) {
            1 => Some(Farewell::Closing),
            2 => Some(Farewell::Reset),
            3 => Some(Farewell::Replaced),
            _ => None,
        }
    }
}

impl Streams {
    /// Gives a stream its place, if there is one: that of the one before, where it is of a browser that has one
    /// stream of a view.
    pub(crate) fn join(&self, context: &Context, by: Option<String>) -> Option<Place> {
        let whose = (Arc::from(context.app()), context.session().clone());
        let mut open = self.open();
        if open.closing || open.count >= MAX_STREAMS {
            return None;
        }
        let here = open.sessions.entry(whose.clone()).or_default();
        let end = Arc::new(End {
            view: context.view().clone(),
            by,
            word: AtomicU8::new(0),
            said: Notify::new(),
        });
        let is_before =
            |other: &&Arc<End>| other.by.is_some() && other.by == end.by && other.view == end.view;
        here.iter()
            .filter(is_before)
            .for_each(|before| before.say(Farewell::Replaced));
        if here.iter().filter(|other| other.word().is_none()).count() >= MAX_STREAMS_PER_SESSION {
            return None;
        }
        here.push(Arc::clone(&end));
        open.count += 1;
        telemetry::stream(&whose.0, true);
        Some(Place { whose, end })
    }

    /// Ends all streams of a session that has ended itself.
    pub(crate) fn reset(&self, app: &str, session: &SessionId) {
        let whose = (Arc::from(app), session.clone());
        for end in self.open().sessions.get(&whose).into_iter().flatten() {
            end.say(Farewell::Reset);
        }
    }

    /// Ends all streams, and takes no more.
    pub(crate) fn close(&self) {
        let mut open = self.open();
        open.closing = true;
        for end in open.sessions.values().flatten() {
            end.say(Farewell::Closing);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing in here is half-changed when a panic strikes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place among those of this process.
pub(crate) struct Place {
    whose: Whose,
    end: Arc<End>,
}

impl Place {
    /// Waits until the stream is to end.
    pub(crate) async fn farewell(&self) -> Farewell {
        loop {
            if let Some(farewell) = self.end.word() {
                return farewell;
            }
            self.end.said.notified().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = STREAMS.open();
        if let Entry::Occupied(mut here) = open.sessions.entry(self.whose.clone()) {
            here.get_mut().retain(|end| !Arc::ptr_eq(end, &self.end));
            if here.get().is_empty() {
                here.remove();
            }
        }
        open.count -= 1;
        telemetry::stream(&self.whose.0, false);
    }
}
