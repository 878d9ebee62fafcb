//! The primaries of a Cluster, as its nodes report them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::backoff::jitter;
use crate::redis::connect::{Connector, Primary};
use crate::redis::slot_map::{ClusterNode, SlotMap};
use crate::redis::tracking::backoff::TrackingBackoff;
use crate::redis::tracking::entries::Entries;
use crate::redis::tracking::server::TrackingServer;

/// Longest pause between two queries of the nodes. Bounds how long changes of a primary that has just
/// got its first slots are not reported.
const QUERY_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for the reply of a node. A node that hangs must not delay the other ones.
const QUERY_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum number of primaries, the size up to which Redis recommends a Cluster. More connections would
/// exhaust the descriptors of a process.
const MAX_PRIMARIES: usize = 1000;

/// What the nodes of a Cluster reported last.
pub(super) struct Topology<'a> {
    connector: &'a Connector,
    entries: &'a Entries,
    /// Several while the nodes do not agree.
    maps: BTreeSet<SlotMap>,
    backoff: TrackingBackoff,
}

impl<'a> Topology<'a> {
    pub(super) fn new(connector: &'a Connector, entries: &'a Entries) -> Self {
        Self {
            connector,
            entries,
            maps: BTreeSet::new(),
            backoff: TrackingBackoff::new(),
        }
    }

    /// Waits until other servers have keys than before, or keys may have moved between them. Returns
    /// the servers that have keys.
    pub(super) async fn changed(&mut self, servers: &[Arc<TrackingServer>]) -> BTreeSet<Primary> {
        loop {
            if !self.maps.is_empty() {
                sleep(QUERY_INTERVAL / 2 + jitter(QUERY_INTERVAL / 2)).await;
            }
            match self.query(servers).await {
                Ok(maps) => {
                    self.backoff.reset();
                    *self.entries.lock_discovery_error() = None;
                    if maps != self.maps {
                        self.maps = maps;
                        return self.primaries().into_values().map(Primary::Node).collect();
                    }
                }
                Err(error) => {
                    *self.entries.lock_discovery_error() = Some(error.clone());
                    self.backoff.pause_after(&error).await;
                }
            }
        }
    }

    /// Queries the servers over their open connections. Without any, queries the configured nodes and
    /// those that were found last.
    async fn query(&self, servers: &[Arc<TrackingServer>]) -> Result<BTreeSet<SlotMap>, Error> {
        let queries = servers.iter().map(|server| query_server(server));
        let mut maps: BTreeSet<_> = join_all(queries).await.into_iter().flatten().collect();
        if maps.is_empty() {
            let known: Vec<_> = self.primaries().into_values().collect();
            match self.connector.slot_map(&known).await {
                Some(map) => maps.insert(map?),
                None => return Err(Error::unavailable("the server is no Cluster")),
            };
        }
        match primaries_of(&maps).len() {
            ..=MAX_PRIMARIES => Ok(maps),
            _ => Err(Error::misconfigured("the Cluster has too many primaries")),
        }
    }

    fn primaries(&self) -> BTreeMap<String, ClusterNode> {
        primaries_of(&self.maps)
    }
}

/// Returns all primaries that any node reports, by their ids. A node that is cut off from the others
/// reports primaries that have been replaced, and its clients may still write to them.
fn primaries_of(maps: &BTreeSet<SlotMap>) -> BTreeMap<String, ClusterNode> {
    let ranges = maps.iter().flat_map(|SlotMap(ranges)| ranges);
    let nodes = ranges.map(|range| &range.primary);
    nodes.map(|node| (node.id.clone(), node.clone())).collect()
}

async fn query_server(server: &TrackingServer) -> Option<SlotMap> {
    let Primary::Node(node) = &server.primary else {
        return None;
    };
    let connection = server.connection()?;
    let query = connection.slot_map(&node.host);
    let map = timeout(QUERY_TIMEOUT, query).await.ok()?.ok()?;
    // A node that was removed from the Cluster knows no slots.
    (!map.0.is_empty()).then_some(map)
}
