//! The key prefixes whose changes a client tracks, and the handlers that they are reported to.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use futures_util::future::{BoxFuture, FutureExt, pending};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::Error;
use crate::redis::tracking::backoff::{is_permanent, pause_after_permanent};
use crate::redis::tracking::connection::{InvalidationHandler, TrackingConnection};

/// What a module does with the changes of the keys that it registered.
pub(crate) trait TrackingHandler: Send + Sync + 'static {
    /// A key with the prefix was written or removed. Must not block: the driver of the connection
    /// calls it between two reads of the socket.
    fn invalidated(&self, key: &[u8]);

    /// Changes may have been missed: any key may have changed.
    fn all_invalidated(&self);

    /// Every change before this time has been reported, by all servers. Default: ignored.
    fn synced(&self, _sent_at: Instant) {}

    /// Runs while a server reports changes of the keys, in a Cluster for each server. Its error ends
    /// the connection, unless an operator has to change the configuration. Default: waits.
    fn run<'a>(
        &'a self,
        _connection: &'a TrackingConnection,
    ) -> BoxFuture<'a, Result<Infallible, Error>> {
        pending().boxed()
    }
}

/// Distinguishes the servers that report changes. A server that is found again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::redis) struct ServerId(pub(super) u64);

/// Whether one server reports the changes of a prefix.
enum Reporting {
    /// It reports them; all changes before this time have been reported.
    Tracked(Option<Instant>),
    /// It does not.
    Failed(Error),
}

/// One prefix with its handler.
pub(in crate::redis) struct Entry {
    prefix: String,
    pub(in crate::redis) channel: String,
    pub(in crate::redis) handler: Arc<dyn TrackingHandler>,
    servers: Mutex<HashMap<ServerId, Reporting>>,
}

impl Entry {
    pub(in crate::redis) fn new(
        prefix: String,
        channel: String,
        handler: Arc<dyn TrackingHandler>,
    ) -> Self {
        Self {
            prefix,
            channel,
            handler,
            servers: Mutex::default(),
        }
    }

    /// Tracks the prefix over an open connection to a server. Returns only an error that ends the
    /// connection.
    pub(in crate::redis) async fn drive(
        self: Arc<Self>,
        server: ServerId,
        connection: &TrackingConnection,
        tracked: &Notify,
    ) -> Error {
        loop {
            let Err(error) = self.track(server, connection, tracked).await;
            self.lose(server, error.clone());
            if !is_permanent(&error) {
                return error;
            }
            pause_after_permanent(&error).await;
        }
    }

    async fn track(
        &self,
        server: ServerId,
        connection: &TrackingConnection,
        tracked: &Notify,
    ) -> Result<Infallible, Error> {
        connection.track(&self.prefix, &self.channel).await?;
        // The server has not reported the changes before.
        self.handler.all_invalidated();
        self.lock().insert(server, Reporting::Tracked(None));
        tracked.notify_one();
        self.handler.run(connection).await
    }

    /// Records that a server no longer reports the changes of the prefix.
    pub(in crate::redis) fn lose(&self, server: ServerId, error: Error) {
        self.lock().insert(server, Reporting::Failed(error));
        self.handler.all_invalidated();
    }

    pub(in crate::redis) fn is_tracked_by(&self, server: ServerId) -> bool {
        matches!(self.lock().get(&server), Some(Reporting::Tracked(_)))
    }

    /// Records that a server has reported every change before this time.
    fn prove(&self, server: ServerId, time: Instant) {
        if let Some(Reporting::Tracked(proven_at)) = self.lock().get_mut(&server) {
            *proven_at = Some(time);
        }
    }

    /// Returns the time before which all of these servers have reported every change; `None` if one
    /// of them reports none.
    fn proven_at(&self, servers: &[ServerId]) -> Option<Instant> {
        let known = self.lock();
        let times = servers.iter().map(|server| match known.get(server) {
            Some(Reporting::Tracked(proven_at)) => *proven_at,
            _ => None,
        });
        times.min().flatten()
    }

    /// Returns why a server does not report changes.
    pub(in crate::redis) fn last_error(&self) -> Option<Error> {
        self.lock().values().find_map(|reporting| match reporting {
            Reporting::Failed(error) => Some(error.clone()),
            Reporting::Tracked(_) => None,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerId, Reporting>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registered prefixes of a client, and the servers that have to report their changes.
#[derive(Default)]
pub(in crate::redis) struct Entries {
    list: RwLock<Vec<Arc<Entry>>>,
    servers: RwLock<Vec<ServerId>>,
    /// Why the servers could not be found.
    discovery_error: Mutex<Option<Error>>,
    changed: watch::Sender<()>,
}

impl Entries {
    pub(in crate::redis) fn snapshot(&self) -> Vec<Arc<Entry>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    pub(in crate::redis) fn update(&self, change: impl FnOnce(&mut Vec<Arc<Entry>>)) {
        change(&mut self.list.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }

    /// Returns a receiver that is notified when the list has changed.
    pub(in crate::redis) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Replaces the servers. Changes that others have made may have been missed.
    pub(in crate::redis) fn replace_servers(&self, servers: Vec<ServerId>) {
        for entry in self.snapshot() {
            entry.lock().retain(|server, _| servers.contains(server));
        }
        *self.servers.write().unwrap_or_else(PoisonError::into_inner) = servers;
        self.all_invalidated();
    }

    /// Records that a server has reported every change of these entries before this time.
    pub(in crate::redis) fn prove(&self, server: ServerId, entries: &[Arc<Entry>], time: Instant) {
        let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            entry.prove(server, time);
            if let Some(time) = entry.proven_at(&servers) {
                entry.handler.synced(time);
            }
        }
    }

    pub(in crate::redis) fn lock_discovery_error(&self) -> MutexGuard<'_, Option<Error>> {
        self.discovery_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl InvalidationHandler for Entries {
    fn invalidated(&self, key: &[u8]) {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        // Several handles of one application have each a handler for the same prefix.
        for entry in list.iter() {
            if key.starts_with(entry.prefix.as_bytes()) {
                entry.handler.invalidated(key);
            }
        }
    }

    fn all_invalidated(&self) {
        for entry in self.snapshot() {
            entry.handler.all_invalidated();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a test fails by panicking"
    )]

    use std::time::Duration;

    use super::*;

    /// Records the times before which all changes were reported.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<Instant>>);

    impl TrackingHandler for Recorder {
        fn invalidated(&self, _key: &[u8]) {
            self.0.lock().unwrap().push(Instant::now());
        }

        fn all_invalidated(&self) {}

        fn synced(&self, sent_at: Instant) {
            self.0.lock().unwrap().push(sent_at);
        }
    }

    #[test]
    fn each_handler_of_a_prefix_gets_its_changes() {
        let (entries, recorders) = (
            Entries::default(),
            [(); 2].map(|()| Arc::<Recorder>::default()),
        );
        for recorder in &recorders {
            let (channel, handler) = ("app!beat".to_owned(), Arc::clone(recorder) as _);
            let entry = Arc::new(Entry::new("app:{".to_owned(), channel, handler));
            entries.update(|list| list.push(entry));
        }
        entries.invalidated(b"app:{session}:view");
        entries.invalidated(b"other:{session}:view");
        assert_eq!(
            recorders.map(|recorder| recorder.0.lock().unwrap().len()),
            [1, 1]
        );
    }

    #[test]
    fn changes_are_complete_once_every_server_has_reported_them() {
        let (recorder, entries, start) = (
            Arc::<Recorder>::default(),
            Entries::default(),
            Instant::now(),
        );
        let times = [1, 2, 3, 4, 5].map(|millis| start + Duration::from_millis(millis));
        let (channel, handler) = ("app!beat".to_owned(), Arc::clone(&recorder) as _);
        let entry = Arc::new(Entry::new("app:{".to_owned(), channel, handler));
        entries.update(|list| list.push(Arc::clone(&entry)));
        let (first, second) = (ServerId(1), ServerId(2));
        let track = |server| entry.lock().insert(server, Reporting::Tracked(None));
        let prove = |server, time: usize| entries.prove(server, &[Arc::clone(&entry)], times[time]);
        entries.replace_servers(vec![first, second]);
        track(first);
        prove(first, 0);
        track(second);
        prove(first, 1);
        assert_eq!(
            *recorder.0.lock().unwrap(),
            [],
            "the second has proven nothing"
        );
        prove(second, 2);
        prove(first, 3);
        assert_eq!(*recorder.0.lock().unwrap(), [times[1], times[2]]);
        entry.lose(second, Error::unavailable("lost"));
        assert!(entry.last_error().is_some());
        prove(first, 4);
        assert_eq!(recorder.0.lock().unwrap().len(), 2, "the second is lost");
        entries.replace_servers(vec![first]);
        assert!(entry.last_error().is_none());
        prove(first, 4);
        assert_eq!(recorder.0.lock().unwrap().last(), Some(&times[4]));
    }
}
