//! Monitoring of a primary that Sentinels reported and may replace.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, ConnectionAddr};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::redis::connect::options::{CONNECT_TIMEOUT, connect, connection_config};
use crate::redis::connect::sentinel::SentinelResolver;

/// Pause between two queries of the Sentinels. Bounds how long a replaced primary is used.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Host and port of a server, as Sentinels report them.
type Node = (String, u16);

/// Monitor of the primary that a connection leads to. A primary that is cut off from its Sentinels
/// and replicas still reports the role of a primary, so the Sentinels are queried instead.
pub(crate) struct PrimaryMonitor {
    sentinels: Arc<SentinelResolver>,
    node: Node,
}

impl PrimaryMonitor {
    /// Returns the monitor of the server that `client` connects to; `None` if its address is not
    /// TCP.
    pub(crate) fn new(sentinels: &Arc<SentinelResolver>, client: &Client) -> Option<Self> {
        let node = match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port),
            _ => return None,
        };
        Some(Self {
            sentinels: Arc::clone(sentinels),
            node,
        })
    }

    /// Waits until the Sentinels report another primary: at least as many Sentinels as still report
    /// this one. A single Sentinel with outdated information is therefore outvoted.
    pub(crate) async fn replaced(&self) -> Error {
        let (name, clients) = match self.sentinels.sentinel_clients() {
            Ok(clients) => clients,
            Err(error) => return error,
        };
        let mut sentinels: Vec<_> = clients.into_iter().map(Sentinel::new).collect();
        loop {
            sleep(POLL_INTERVAL).await;
            let queries = sentinels
                .iter_mut()
                .map(|sentinel| sentinel.query_primary(name));
            let reported = join_all(queries).await;
            let (current, others): (Vec<_>, Vec<_>) =
                (reported.iter().flatten()).partition(|node| **node == self.node);
            if !others.is_empty() && others.len() >= current.len() {
                return Error::unavailable("the Sentinels report another primary");
            }
        }
    }
}

/// One Sentinel, with the connection to it if one is open.
struct Sentinel {
    client: Client,
    connection: Option<MultiplexedConnection>,
}

impl Sentinel {
    fn new(client: Client) -> Self {
        Self {
            client,
            connection: None,
        }
    }

    /// Returns the address of the primary, if the Sentinel replies in time.
    async fn query_primary(&mut self, name: &str) -> Option<Node> {
        // Taken out, so that a connection without a timely reply is dropped.
        let open = self.connection.take();
        let call = async {
            let mut open = match open {
                Some(open) => open,
                None => connect(&self.client, &connection_config()).await.ok()?,
            };
            let mut request = ::redis::cmd("SENTINEL");
            request.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
            let node = request.query_async(&mut open).await.ok()?;
            Some((node, open))
        };
        let (node, open) = timeout(CONNECT_TIMEOUT, call).await.ok()??;
        self.connection = Some(open);
        node
    }
}
