//! A primary that Sentinels named, and may not be for ever.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, ConnectionAddr};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::redis::connect::options::{CONNECT_TIMEOUT, connect, connection_config};
use crate::redis::connect::sentinel::SentinelResolver;

/// How often the Sentinels are asked.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Where a server is, as Sentinels spell it.
type Node = (String, u16);

/// The server that a connection goes to. One that is cut off from its Sentinels and replicas goes on calling
/// itself the primary.
pub(crate) struct PrimaryMonitor {
    sentinels: Arc<SentinelResolver>,
    node: Node,
}

impl PrimaryMonitor {
    /// Gives the server that a client of Sentinels goes to.
    pub(crate) fn new(sentinels: &Arc<SentinelResolver>, client: &Client) -> Option<Self> {
        let place = match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port),
            _ => return None,
        };
        Some(Self {
            sentinels: Arc::clone(sentinels),
            node: place,
        })
    }

    /// Waits until the Sentinels name another server. A single one that names an old one does not count where
    /// more of them know better.
    pub(crate) async fn replaced(&self) -> Error {
        let (name, clients) = match self.sentinels.sentinel_clients() {
            Ok(clients) => clients,
            Err(error) => return error,
        };
        let mut sentinels: Vec<_> = clients.into_iter().map(Sentinel::new).collect();
        loop {
            sleep(POLL_INTERVAL).await;
            let task = sentinels
                .iter_mut()
                .map(|sentinel| sentinel.query_primary(name));
            let named = join_all(task).await;
            let (this, others): (Vec<_>, Vec<_>) =
                (named.iter().flatten()).partition(|place| **place == self.node);
            if !others.is_empty() && others.len() >= this.len() {
                return Error::unavailable("the Sentinels report another primary");
            }
        }
    }
}

/// One Sentinel, with the connection to it while it stands.
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

    /// Gives the place of the primary, if it answers in time.
    async fn query_primary(&mut self, name: &str) -> Option<Node> {
        // Taken: a connection that does not answer is of no more use.
        let open = self.connection.take();
        let call = async {
            let mut open = match open {
                Some(open) => open,
                None => connect(&self.client, &connection_config()).await.ok()?,
            };
            let mut request = ::redis::cmd("SENTINEL");
            request.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
            let place = request.query_async(&mut open).await.ok()?;
            Some((place, open))
        };
        let (place, open) = timeout(CONNECT_TIMEOUT, call).await.ok()??;
        self.connection = Some(open);
        place
    }
}
