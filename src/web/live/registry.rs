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
pub(crate) static STREAMS: LazyLock<StreamRegistry> = LazyLock::new(StreamRegistry::default);

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CloseReason {
    /// The process ends: come again, to another.
    Shutdown = 1,
    /// The session has ended: what the page shows is not this visitor's any more.
    SessionEnded = 2,
    /// The browser has opened another stream of the view: nobody reads this one.
    Superseded = 3,
}

type SessionKey = (Arc<str>, SessionId);

/// All streams.
#[derive(Default)]
pub(crate) struct StreamRegistry(Mutex<OpenStreams>);

#[derive(Default)]
struct OpenStreams {
    /// The streams by whose they are.
    sessions: HashMap<SessionKey, Vec<Arc<CloseSignal>>>,
    count: usize,
    is_shut_down: bool,
}

/// How one stream learns that it is to end.
struct CloseSignal {
    view: View,
    /// Which browser it is for, where that has one stream of a view.
    client: Option<String>,
    reason: AtomicU8,
    notify: Notify,
}

impl CloseSignal {
    fn send(&self, reason: CloseReason) {
        self.reason.store(reason as u8, Ordering::Release);
        self.notify.notify_one();
    }

    fn reason(&self) -> Option<CloseReason> {
        match self.reason.load(Ordering::Acquire) {
            1 => Some(CloseReason::Shutdown),
            2 => Some(CloseReason::SessionEnded),
            3 => Some(CloseReason::Superseded),
            _ => None,
        }
    }
}

impl StreamRegistry {
    /// Gives a stream its place, if there is one: that of the one before, where it is of a browser that has one
    /// stream of a view.
    pub(crate) fn register(
        &self,
        context: &Context,
        client: Option<String>,
    ) -> Option<Registration> {
        let session_key = (Arc::from(context.app()), context.session().clone());
        let mut open = self.lock();
        if open.is_shut_down || open.count >= MAX_STREAMS {
            return None;
        }
        let streams = open.sessions.entry(session_key.clone()).or_default();
        let signal = Arc::new(CloseSignal {
            view: context.view().clone(),
            client,
            reason: AtomicU8::new(0),
            notify: Notify::new(),
        });
        let is_before = |other: &&Arc<CloseSignal>| {
            other.client.is_some() && other.client == signal.client && other.view == signal.view
        };
        streams
            .iter()
            .filter(is_before)
            .for_each(|before| before.send(CloseReason::Superseded));
        if streams
            .iter()
            .filter(|other| other.reason().is_none())
            .count()
            >= MAX_STREAMS_PER_SESSION
        {
            return None;
        }
        streams.push(Arc::clone(&signal));
        open.count += 1;
        telemetry::stream_opened(&session_key.0);
        Some(Registration {
            session: session_key,
            signal,
        })
    }

    /// Ends all streams of a session that has ended itself.
    pub(crate) fn close_session(&self, app: &str, session: &SessionId) {
        let session_key = (Arc::from(app), session.clone());
        for signal in self.lock().sessions.get(&session_key).into_iter().flatten() {
            signal.send(CloseReason::SessionEnded);
        }
    }

    /// Ends all streams, and takes no more.
    pub(crate) fn shut_down(&self) {
        let mut open = self.lock();
        open.is_shut_down = true;
        for signal in open.sessions.values().flatten() {
            signal.send(CloseReason::Shutdown);
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenStreams> {
        // Nothing in here is half-changed when a panic strikes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place among those of this process.
pub(crate) struct Registration {
    session: SessionKey,
    signal: Arc<CloseSignal>,
}

impl Registration {
    /// Waits until the stream is to end.
    pub(crate) async fn closed(&self) -> CloseReason {
        loop {
            if let Some(reason) = self.signal.reason() {
                return reason;
            }
            self.signal.notify.notified().await;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut open = STREAMS.lock();
        if let Entry::Occupied(mut streams) = open.sessions.entry(self.session.clone()) {
            streams
                .get_mut()
                .retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if streams.get().is_empty() {
                streams.remove();
            }
        }
        open.count -= 1;
        telemetry::stream_closed(&self.session.0);
    }
}
