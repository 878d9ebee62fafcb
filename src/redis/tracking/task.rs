//! The task that owns the tracking connections of a client.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{AbortHandle, BoxFuture, Either, FutureExt, abortable, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::redis::connect::{Connector, Primary};
use crate::redis::tracking::connection::InvalidationHandler;
use crate::redis::tracking::entries::{Entries, ServerId};
use crate::redis::tracking::server::TrackingServer;
#[cfg(feature = "cluster")]
use crate::redis::tracking::topology::Topology;

/// The task that owns one connection to each server that has keys.
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

impl TrackingTask {
    pub(super) async fn run(self) {
        #[cfg(feature = "cluster")]
        let mut topology = Topology::new(&self.connector, &self.entries);
        let mut servers = Servers::new(&self);
        loop {
            let primaries = {
                #[cfg(feature = "cluster")]
                let changed = match &self.connector {
                    Connector::Cluster(_) => topology.changed(&servers.list).boxed(),
                    _ => single_server(&servers.list).boxed(),
                };
                #[cfg(not(feature = "cluster"))]
                let changed = single_server(&servers.list).boxed();
                match select(changed, pin!(run_all(&mut servers.running))).await {
                    Either::Left((primaries, _)) => primaries,
                    Either::Right((never, _)) => match never {},
                }
            };
            servers.replace(primaries);
        }
    }
}

/// The servers that have keys. A slow or unreachable one does not delay the others.
struct Servers<'a> {
    task: &'a TrackingTask,
    list: Vec<Arc<TrackingServer>>,
    running: FuturesUnordered<BoxFuture<'a, ()>>,
    aborts: Vec<(ServerId, AbortHandle)>,
    started: u64,
}

impl<'a> Servers<'a> {
    fn new(task: &'a TrackingTask) -> Self {
        Self {
            task,
            list: Vec::new(),
            running: FuturesUnordered::new(),
            aborts: Vec::new(),
            started: 0,
        }
    }

    /// Starts those that are new, and ends the connections to others. Then every key may have
    /// changed.
    fn replace(&mut self, mut primaries: BTreeSet<Primary>) {
        self.list.retain(|server| primaries.remove(&server.primary));
        for primary in primaries {
            self.start(primary);
        }
        let ids: Vec<_> = self.list.iter().map(|server| server.id).collect();
        self.aborts.retain(|(id, abort)| {
            let is_kept = ids.contains(id);
            if !is_kept {
                abort.abort();
            }
            is_kept
        });
        self.task.entries.replace_servers(ids);
    }

    fn start(&mut self, primary: Primary) {
        self.started += 1;
        let id = ServerId(self.started);
        let server = Arc::new(TrackingServer::new(id, primary));
        self.list.push(Arc::clone(&server));
        let task = self.task;
        let running = async move { server.run(&task.connector, &task.entries).await };
        let (running, abort) = abortable(running);
        self.running.push(running.map(drop).boxed());
        self.aborts.push((id, abort));
    }
}

/// Returns the only server when none has been started. It remains the only one.
async fn single_server(started: &[Arc<TrackingServer>]) -> BTreeSet<Primary> {
    match started {
        [] => BTreeSet::from([Primary::Single]),
        _ => pending().await,
    }
}

/// Runs all servers. Never returns.
async fn run_all(running: &mut FuturesUnordered<BoxFuture<'_, ()>>) -> Infallible {
    while running.next().await.is_some() {}
    pending().await
}
