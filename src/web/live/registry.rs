//! The open streams of a handle: their limits, and the signals that close them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use tokio::sync::Notify;

use crate::{SessionId, telemetry};

/// Maximum number of streams of one handle. Stops visitors from using up the file descriptors and
/// the memory that pages need.
const MAX_STREAMS: usize = 25_000;
/// Maximum number of streams of one session, more than the browsers of one visitor. Stops one
/// visitor from using up [`MAX_STREAMS`].
const MAX_STREAMS_PER_SESSION: usize = 32;

/// The reason why a stream is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CloseReason {
    /// The process shuts down: the browser reconnects to another one.
    Shutdown = 1,
    /// The session has ended: the open page shows content of the previous session.
    SessionEnded = 2,
    /// The browser has opened another stream, and does not read this one.
    Superseded = 3,
}

type SessionKey = (Arc<str>, SessionId);

/// The open streams of a handle, in this process.
pub(crate) struct StreamRegistry {
    open: Mutex<OpenStreams>,
    /// Set when the handler of the signals that stop the process is installed.
    pub(super) handles_signals: Once,
}

impl Default for StreamRegistry {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            handles_signals: Once::new(),
        }
    }
}

#[derive(Default)]
struct OpenStreams {
    /// The streams by application and session.
    sessions: HashMap<SessionKey, Vec<Arc<CloseSignal>>>,
    count: usize,
    is_shut_down: bool,
}

/// The signal that closes one stream.
struct CloseSignal {
    /// The id of the browser, if the browser keeps one stream.
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
    /// Registers a stream. Returns `None` at a limit, and after [`shut_down`](Self::shut_down).
    ///
    /// With a `client` id, it closes the earlier streams of the same session and client.
    pub(crate) fn register(
        self: &Arc<Self>,
        app: &Arc<str>,
        session: &SessionId,
        client: Option<String>,
    ) -> Option<Registration> {
        let session_key = (Arc::clone(app), session.clone());
        let mut open = self.lock();
        if open.is_shut_down || open.count >= MAX_STREAMS {
            return None;
        }
        let streams = open.sessions.entry(session_key.clone()).or_default();
        let signal = Arc::new(CloseSignal {
            client,
            reason: AtomicU8::new(0),
            notify: Notify::new(),
        });
        let is_superseded =
            |other: &&Arc<CloseSignal>| other.client.is_some() && other.client == signal.client;
        streams
            .iter()
            .filter(is_superseded)
            .for_each(|superseded| superseded.send(CloseReason::Superseded));
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
            registry: Arc::clone(self),
            session: session_key,
            signal,
        })
    }

    /// Closes all streams of a session that has ended.
    pub(crate) fn close_session(&self, app: &str, session: &SessionId) {
        let session_key = (Arc::from(app), session.clone());
        for signal in self.lock().sessions.get(&session_key).into_iter().flatten() {
            signal.send(CloseReason::SessionEnded);
        }
    }

    /// Closes all streams, and registers no more.
    pub(crate) fn shut_down(&self) {
        let mut open = self.lock();
        open.is_shut_down = true;
        for signal in open.sessions.values().flatten() {
            signal.send(CloseReason::Shutdown);
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenStreams> {
        // A panic cannot leave the registry half-changed, so a poisoned lock is safe to use.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registration of one stream. Dropping it removes the stream from the registry.
pub(crate) struct Registration {
    registry: Arc<StreamRegistry>,
    session: SessionKey,
    signal: Arc<CloseSignal>,
}

impl Registration {
    /// Waits until the stream has to close, and returns the reason.
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
        let mut open = self.registry.lock();
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
