//! The open streams of a handle: their limits, and the signals that close them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use tokio::sync::Notify;

#[cfg(feature = "inbox")]
use crate::Recipient;
use crate::{SessionId, telemetry};

/// Maximum number of streams of one handle. Stops visitors from using up the file descriptors and
/// the memory that pages need.
const MAX_STREAMS: usize = 25_000;
/// Maximum number of streams of one owner, more than the browsers of one visitor. Stops one
/// visitor from using up [`MAX_STREAMS`].
const MAX_STREAMS_PER_OWNER: usize = 32;

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

/// Who receives a stream: the session of a visitor, and the person who is logged in.
pub(crate) struct Audience {
    pub(crate) session: Option<SessionId>,
    #[cfg(feature = "inbox")]
    pub(crate) recipient: Option<Recipient>,
}

impl Audience {
    /// Returns what the streams of one visitor have in common.
    fn owner(&self) -> Option<Owner> {
        let session = self.session.clone().map(Owner::Session);
        #[cfg(feature = "inbox")]
        let session = session.or_else(|| self.recipient.clone().map(Owner::Recipient));
        session
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Owner {
    Session(SessionId),
    /// A person without a session.
    #[cfg(feature = "inbox")]
    Recipient(Recipient),
}

type OwnerKey = (Arc<str>, Owner);

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
    /// The streams by application and owner.
    owners: HashMap<OwnerKey, Vec<Arc<CloseSignal>>>,
    count: usize,
    is_shut_down: bool,
}

/// The signal that closes one stream.
struct CloseSignal {
    #[cfg(feature = "inbox")]
    recipient: Option<Recipient>,
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
    /// Registers a stream. Returns `None` at a limit, without session and recipient, and after [`shut_down`](Self::shut_down).
    ///
    /// With a `client` id, it closes the earlier streams of the same owner and client.
    pub(crate) fn register(
        self: &Arc<Self>,
        app: &Arc<str>,
        audience: &Audience,
        client: Option<String>,
    ) -> Option<Registration> {
        let owner = (Arc::clone(app), audience.owner()?);
        let mut open = self.lock();
        if open.is_shut_down || open.count >= MAX_STREAMS {
            return None;
        }
        let streams = open.owners.entry(owner.clone()).or_default();
        let signal = Arc::new(CloseSignal {
            #[cfg(feature = "inbox")]
            recipient: audience.recipient.clone(),
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
            >= MAX_STREAMS_PER_OWNER
        {
            return None;
        }
        streams.push(Arc::clone(&signal));
        open.count += 1;
        telemetry::stream_opened(&owner.0);
        Some(Registration {
            registry: Arc::clone(self),
            owner,
            signal,
        })
    }

    /// Closes all streams of a session that has ended.
    pub(crate) fn close_session(&self, app: &str, session: &SessionId) {
        let owner = (Arc::from(app), Owner::Session(session.clone()));
        for signal in self.lock().owners.get(&owner).into_iter().flatten() {
            signal.send(CloseReason::SessionEnded);
        }
    }

    /// Closes all streams of a recipient.
    #[cfg(feature = "inbox")]
    pub(crate) fn close_recipient(&self, app: &str, recipient: &Recipient) {
        let open = self.lock();
        let owners = open.owners.iter().filter(|((of, _), _)| **of == *app);
        let signals = owners.flat_map(|(_, signals)| signals);
        for signal in signals.filter(|signal| signal.recipient.as_ref() == Some(recipient)) {
            signal.send(CloseReason::SessionEnded);
        }
    }

    /// Closes all streams, and registers no more.
    pub(crate) fn shut_down(&self) {
        let mut open = self.lock();
        open.is_shut_down = true;
        for signal in open.owners.values().flatten() {
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
    owner: OwnerKey,
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
        if let Entry::Occupied(mut streams) = open.owners.entry(self.owner.clone()) {
            streams
                .get_mut()
                .retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if streams.get().is_empty() {
                streams.remove();
            }
        }
        open.count -= 1;
        telemetry::stream_closed(&self.owner.0);
    }
}
