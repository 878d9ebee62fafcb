//! The task that owns the tracking connection of a client.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt, select};
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::backoff::{Backoff, jitter};
use crate::redis::connect::Connector;
use crate::redis::tracking::{InvalidationHandler, TrackingConnection};
use crate::redis::tracking_entries::{DENIED_BACKOFF, Entries, Entry, is_permanent, log_permanent};

/// Interval of heartbeats. A heartbeat proves that all earlier invalidation messages were received.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
/// Longest pause after the first failed attempt to track.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause after any failed attempt. Without a connection, every page queries.
const MAX_BACKOFF: Duration = Duration::from_millis(800);
/// Number of prefixes without a handler from which the connection is replaced, because a server
/// forgets a prefix only with its connection. Names of applications can come from user input.
const MAX_UNUSED_PREFIXES: usize = 64;

/// The task that owns the connection.
pub(super) struct TrackingTask {
    pub(super) connector: Connector,
    pub(super) entries: Arc<Entries>,
}

impl Drop for TrackingTask {
    /// Without the task, changes are no longer received.
    fn drop(&mut self) {
        self.entries.all_invalidated();
    }
}

/// The entries that are driven over one connection.
type Driven<'a> = Vec<(Arc<Entry>, BoxFuture<'a, Error>)>;

impl TrackingTask {
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
        loop {
            let started = Instant::now();
            let Err(error) = self.track().await;
            if started.elapsed() > MAX_BACKOFF {
                backoff.reset();
            }
            for entry in self.entries.snapshot() {
                entry.lose(error.clone());
            }
            let permanent = is_permanent(&error);
            if permanent {
                log_permanent(&error);
            }
            sleep(match permanent {
                true => DENIED_BACKOFF,
                false => backoff.next_jittered(),
            })
            .await;
        }
    }

    /// Tracks all prefixes over one connection until it fails or is replaced.
    async fn track(&self) -> Result<Infallible, Error> {
        let handler: Arc<dyn InvalidationHandler> = Arc::clone(&self.entries) as _;
        let connection = TrackingConnection::open(&self.connector, handler).await?;
        let mut driven = Driven::new();
        let heartbeats = pin!(self.heartbeat_loop(&connection));
        let replaced = pin!(connection.replaced());
        let mut ended = select(heartbeats, replaced);
        loop {
            self.drive_registered(&connection, &mut driven)?;
            let changed = pin!(self.entries.changed.notified());
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
        driven: &mut Driven<'a>,
    ) -> Result<(), Error> {
        let registered = self.entries.snapshot();
        driven.retain(|(entry, _)| registered.iter().any(|other| Arc::ptr_eq(entry, other)));
        if connection.tracked_prefixes() > driven.len() + MAX_UNUSED_PREFIXES {
            return Err(Error::unavailable("the tracking connection is replaced"));
        }
        for entry in registered {
            if !driven.iter().any(|(other, _)| Arc::ptr_eq(&entry, other)) {
                let driving = Arc::clone(&entry);
                let driving = driving.drive(connection, &self.entries.tracked).boxed();
                driven.push((entry, driving));
            }
        }
        Ok(())
    }

    /// Sends heartbeats, so that the absence of invalidation messages proves that nothing changed.
    async fn heartbeat_loop(&self, connection: &TrackingConnection) -> Result<Infallible, Error> {
        loop {
            let mut tracked = self.entries.snapshot();
            tracked.retain(|entry| entry.is_tracked.load(Ordering::Acquire));
            let sent_at = Instant::now();
            // While the reply is late, pages query. A late reply still proves that no change was
            // missed, so only the timeout of the connection ends the wait.
            connection.heartbeat().await?;
            for entry in tracked {
                entry.handler.synced(sent_at);
            }
            let pause = sleep(HEARTBEAT_INTERVAL / 2 + jitter(HEARTBEAT_INTERVAL / 2));
            // The heartbeat of a new prefix is not delayed.
            select(pin!(pause), pin!(self.entries.tracked.notified())).await;
        }
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
