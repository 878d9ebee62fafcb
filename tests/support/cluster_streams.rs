//! Open streams of visitors whose sessions are on all primaries of a Cluster.

use std::ops::Range;
use std::time::Duration;

use salver::store::RedisStore;
use salver::{Context, Salver, SalverBuilder};

use super::cluster::{Cluster, cluster_store};
use super::event_stream::EventStream;
use super::indexed_site::process_on;
use super::live_site::LiveSite;
use super::redis::{Server, tracking_connections};
use super::spy::Report;
use super::{at, eventually, eventually_within};

/// The view of all streams.
pub const VIEW: &str = "p";
/// Enough for some on each of three or four primaries.
pub const VISITORS: usize = 12;
/// Longer than two polls of a stream whose changes are not reported.
const IDLE: Duration = Duration::from_millis(2_500);
/// How long a busy machine may take until streams are idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of a site with streams, and its store calls.
pub struct StreamSite {
    pub site: LiveSite,
    pub report: Report,
}

impl StreamSite {
    /// Starts a site on a store. Its leases are longer than a test.
    pub fn start(store: RedisStore) -> Self {
        Self::start_with(store, |salver| salver.lease(Duration::from_secs(120)))
    }

    pub fn start_with(
        store: RedisStore,
        configure: impl FnOnce(SalverBuilder) -> SalverBuilder,
    ) -> Self {
        let (salver, report) = process_on(store, configure);
        let site = LiveSite::start(&salver);
        Self { site, report }
    }

    pub async fn open_all(&self) -> Vec<EventStream> {
        let mut streams = Vec::new();
        for number in 0..VISITORS {
            streams.push(EventStream::open(&self.site, &visitor(number), VIEW).await);
        }
        streams
    }

    /// Waits until the streams send no store calls for longer than two polls. Returns how many they
    /// have sent.
    pub async fn wait_until_idle(&self) -> usize {
        eventually_within(PATIENCE, "the streams do not poll", async || {
            let before = self.report.calls().len();
            tokio::time::sleep(IDLE).await;
            (self.report.calls().len() == before).then_some(before)
        })
        .await
    }
}

pub fn visitor(number: usize) -> String {
    format!("v{number}")
}

pub fn context(number: usize) -> Context {
    at(&visitor(number), VIEW)
}

/// Creates a handle of another process, whose calls wait as long as a busy machine may take.
pub fn other_process(cluster: &Cluster) -> Salver {
    let salver = Salver::builder("app").store(cluster_store(cluster));
    let salver = salver.call_timeout(Duration::from_secs(2));
    salver.max_messages(1_000).build().unwrap()
}

/// Fails unless each of these nodes has a visitor.
pub fn assert_each_has_a_visitor(cluster: &Cluster, nodes: Range<usize>) {
    let of_visitor = |number| cluster.primary_of(&cluster.nodes[0], &context(number).key());
    let used: Vec<_> = (0..VISITORS).map(of_visitor).collect();
    for node in nodes {
        assert!(used.contains(&node), "no visitor on {node}: {used:?}");
    }
}

/// Waits until each of these servers has exactly one tracking connection.
pub async fn wait_until_tracked(servers: &[Server]) {
    eventually("each primary has one tracking connection", async || {
        let count = |server| tracking_connections(server).len();
        let counts: Vec<_> = servers.iter().map(count).collect();
        counts.iter().all(|count| *count == 1).then_some(())
    })
    .await;
}
