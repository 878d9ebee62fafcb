//! The tracking connection to one server.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
#[cfg(feature = "cluster")]
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt, select};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::backoff::jitter;
use crate::redis::connect::{Connector, Primary};
use crate::redis::tracking::backoff::{MAX_BACKOFF, TrackingBackoff};
use crate::redis::tracking::connection::{InvalidationHandler, TrackingConnection};
use crate::redis::tracking::entries::{Entries, Entry, ServerId};

/// Interval of heartbeats. A heartbeat proves that all earlier invalidation messages were received.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
/// Number of prefixes without a handler from which the connection is replaced, because a server
/// forgets a prefix only with its connection. Names of applications can come from user input.
const MAX_UNUSED_PREFIXES: usize = 64;

/// A server that reports changes, and the connection to it.
pub(super) struct TrackingServer {
    pub(super) id: ServerId,
    pub(super) primary: Primary,
    /// The connection while it is open.
    #[cfg(feature = "cluster")]
    connection: Mutex<Option<Arc<TrackingConnection>>>,
    /// Notified when the server begins to report the changes of a prefix.
    tracked: Notify,
}

/// The entries that are driven over one connection.
type Driven<'a> = Vec<(Arc<Entry>, BoxFuture<'a, Error>)>;

impl TrackingServer {
    pub(super) fn new(id: ServerId, primary: Primary) -> Self {
        Self {
            id,
            primary,
            #[cfg(feature = "cluster")]
            connection: Mutex::default(),
            tracked: Notify::new(),
        }
    }

    /// Tracks all prefixes on the server, and connects again whenever the connection fails.
    pub(super) async fn run(&self, connector: &Connector, entries: &Arc<Entries>) {
        let mut backoff = TrackingBackoff::new();
        loop {
            let started = Instant::now();
            let Err(error) = self.connect_and_track(connector, entries).await;
            #[cfg(feature = "cluster")]
            self.lock_connection().take();
            if started.elapsed() > MAX_BACKOFF {
                backoff.reset();
            }
            for entry in entries.snapshot() {
                entry.lose(self.id, error.clone());
            }
            backoff.pause_after(&error).await;
        }
    }

    async fn connect_and_track(
        &self,
        connector: &Connector,
        entries: &Arc<Entries>,
    ) -> Result<Infallible, Error> {
        let handler: Arc<dyn InvalidationHandler> = Arc::clone(entries) as _;
        let connection = TrackingConnection::open(connector, &self.primary, handler).await?;
        let connection = Arc::new(connection);
        #[cfg(feature = "cluster")]
        self.lock_connection().replace(Arc::clone(&connection));
        self.track(&connection, entries).await
    }

    /// Tracks all prefixes over one connection until it fails or is replaced.
    async fn track(
        &self,
        connection: &TrackingConnection,
        entries: &Entries,
    ) -> Result<Infallible, Error> {
        let mut registered = entries.subscribe();
        let mut driven = Driven::new();
        let heartbeats = pin!(self.heartbeat_loop(connection, entries));
        let replaced = pin!(connection.replaced());
        let mut ended = select(heartbeats, replaced);
        loop {
            self.drive_registered(connection, entries, &mut driven)?;
            let changed = pin!(registered.changed());
            let failed = pin!(first_error(&mut driven));
            let next = select(&mut ended, select(failed, changed));
            match next.await {
                Either::Left((Either::Left((result, _)), _)) => return result,
                Either::Left((Either::Right((error, _)), _))
                | Either::Right((Either::Left((error, _)), _)) => return Err(error),
                Either::Right((Either::Right(_), _)) => {}
            }
        }
    }

    /// Starts to drive new entries, and drops those that are no longer registered.
    fn drive_registered<'a>(
        &'a self,
        connection: &'a TrackingConnection,
        entries: &Entries,
        driven: &mut Driven<'a>,
    ) -> Result<(), Error> {
        let registered = entries.snapshot();
        driven.retain(|(entry, _)| registered.iter().any(|other| Arc::ptr_eq(entry, other)));
        if connection.tracked_prefixes() > driven.len() + MAX_UNUSED_PREFIXES {
            return Err(Error::unavailable("the tracking connection is replaced"));
        }
        for entry in registered {
            if !driven.iter().any(|(other, _)| Arc::ptr_eq(&entry, other)) {
                let driving = Arc::clone(&entry);
                let driving = driving.drive(self.id, connection, &self.tracked).boxed();
                driven.push((entry, driving));
            }
        }
        Ok(())
    }

    /// Sends heartbeats, so that the absence of invalidation messages proves that nothing changed.
    async fn heartbeat_loop(
        &self,
        connection: &TrackingConnection,
        entries: &Entries,
    ) -> Result<Infallible, Error> {
        loop {
            let mut tracked = entries.snapshot();
            tracked.retain(|entry| entry.is_tracked_by(self.id));
            let sent_at = Instant::now();
            // While the reply is late, pages query. A late reply still proves that no change was
            // missed, so only the timeout of the connection ends the wait.
            connection.heartbeat().await?;
            entries.prove(self.id, &tracked, sent_at);
            let pause = sleep(HEARTBEAT_INTERVAL / 2 + jitter(HEARTBEAT_INTERVAL / 2));
            // The heartbeat of a new prefix is not delayed.
            select(pin!(pause), pin!(self.tracked.notified())).await;
        }
    }

    /// Returns the open connection, if there is one.
    #[cfg(feature = "cluster")]
    pub(super) fn connection(&self) -> Option<Arc<TrackingConnection>> {
        self.lock_connection().clone()
    }

    #[cfg(feature = "cluster")]
    fn lock_connection(&self) -> MutexGuard<'_, Option<Arc<TrackingConnection>>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls all entries, and returns the first error.
async fn first_error(driven: &mut Driven<'_>) -> Error {
    poll_fn(|cx| {
        for (_, driving) in driven.iter_mut() {
            if let Poll::Ready(error) = Pin::new(driving).poll(cx) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    })
    .await
}
