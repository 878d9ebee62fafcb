//! Opening connections.

#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod greeting;
mod options;
mod primary;
mod primary_monitor;
mod sentinel;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::Client;
use ::redis::aio::{AsyncPushSender, MultiplexedConnection};
use deadpool_redis::{Connection, Pool, PoolError};
use tokio::time::timeout;

#[cfg(feature = "cluster")]
use self::cluster::ClusterConnector;
pub(crate) use self::config::{ConnectionConfig, Topology};
use self::options::{
    CONNECT_TIMEOUT, RESPONSE_TIMEOUT, connect, connection_config, open_client, parse_url,
    without_response_timeout,
};
pub(crate) use self::primary::Primary;
pub(crate) use self::primary_monitor::PrimaryMonitor;
use self::sentinel::SentinelResolver;
#[cfg(feature = "tls")]
pub(crate) use self::tls::TlsConfig;
use crate::Error;
use crate::redis::classify;
use crate::redis::raw_connection::RawConnection;
#[cfg(feature = "cluster")]
use crate::redis::slot_map::{ClusterNode, SlotMap};

/// Longest wait where several servers are queried first: Sentinels for the primary, a Cluster for
/// its hash slots.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(2);
/// Why key changes cannot be tracked over a pool.
const NO_PUSH_MESSAGES: &str = "a connection of a pool receives no reports of changes";
/// The error of a server that the topology does not have.
#[cfg(feature = "cluster")]
const NO_SUCH_SERVER: &str = "the server is not one of those that have keys";

/// Opens connections: to configured addresses, or from a pool of the application.
#[derive(Clone)]
pub(crate) enum Connector {
    Standalone(Arc<Client>),
    Sentinels(Arc<SentinelResolver>),
    #[cfg(feature = "cluster")]
    Cluster(Arc<ClusterConnector>),
    Pool(Pool),
}

impl Connector {
    /// Parses the addresses. Does not connect.
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self, Error> {
        let nodes: Result<Vec<_>, _> = config.urls.iter().map(|url| parse_url(url)).collect();
        let nodes = nodes?;
        #[cfg(feature = "tls")]
        config.tls.validate(&nodes)?;
        match (&config.topology, nodes.as_slice()) {
            (_, []) => Err(Error::invalid("url", "is missing")),
            (Topology::Standalone, [_, _, ..]) => Err(Error::invalid(
                "seed",
                "needs `cluster()` or `sentinel(name)`: several addresses were given",
            )),
            (Topology::Standalone, [info]) => Ok(Self::Standalone(Arc::new(open_client(
                info.clone(),
                config,
            )?))),
            (Topology::Sentinels { .. }, [..]) => {
                let sentinels = SentinelResolver {
                    nodes,
                    config: config.clone(),
                };
                sentinels.clients()?;
                Ok(Self::Sentinels(Arc::new(sentinels)))
            }
            #[cfg(feature = "cluster")]
            (Topology::Cluster, [..]) => Ok(Self::Cluster(Arc::new(ClusterConnector::new(
                &nodes, config,
            )?))),
        }
    }

    /// Opens one connection, whose driver runs on the calling runtime.
    pub(crate) async fn connect(&self) -> Result<RawConnection, Error> {
        self.with_timeout(Box::pin(self.connect_raw())).await
    }

    async fn with_timeout<T>(
        &self,
        connecting: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + '_>>,
    ) -> Result<T, Error> {
        let limit = match self {
            Self::Standalone(_) | Self::Pool(_) => CONNECT_TIMEOUT,
            Self::Sentinels(_) => DISCOVERY_TIMEOUT,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => DISCOVERY_TIMEOUT,
        };
        let timed_out = |_| Err(Error::unavailable("timed out while connecting to Redis"));
        // Boxed: the future that queries Sentinels is large and rarely used.
        let connected = timeout(limit, connecting).await;
        connected.unwrap_or_else(timed_out)
    }

    /// Opens a connection to one server that also receives push messages. If Sentinels reported the
    /// server, also returns a monitor that notices when they report another primary.
    pub(crate) async fn connect_with_push(
        &self,
        primary: &Primary,
        push: impl AsyncPushSender,
    ) -> Result<(MultiplexedConnection, Option<PrimaryMonitor>), Error> {
        let config = connection_config()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_push_sender(push);
        let connecting = async {
            match (self, primary) {
                (Self::Standalone(client), Primary::Single) => {
                    Ok((connect(client, &config).await?, None))
                }
                (Self::Sentinels(sentinels), Primary::Single) => {
                    let client = sentinels.resolve().await?;
                    let connection = connect(&client, &config).await?;
                    Ok((connection, PrimaryMonitor::new(sentinels, &client)))
                }
                #[cfg(feature = "cluster")]
                (Self::Cluster(cluster), Primary::Node(node)) => {
                    let client = cluster.client_of(node)?;
                    Ok((connect(&client, &config).await?, None))
                }
                (Self::Pool(_), _) => Err(Error::unavailable(NO_PUSH_MESSAGES)),
                #[cfg(feature = "cluster")]
                _ => Err(Error::unavailable(NO_SUCH_SERVER)),
            }
        };
        self.with_timeout(Box::pin(connecting)).await
    }

    /// Returns whether the servers can report key changes.
    pub(crate) fn supports_tracking(&self) -> bool {
        !matches!(self, Self::Pool(_))
    }

    /// Returns the slots of a Cluster, as the first of the configured and of the given nodes reports
    /// them. `None` without a Cluster.
    #[cfg(feature = "cluster")]
    pub(crate) async fn slot_map(&self, nodes: &[ClusterNode]) -> Option<Result<SlotMap, Error>> {
        let Self::Cluster(cluster) = self else {
            return None;
        };
        Some(self.with_timeout(Box::pin(cluster.slot_map(nodes))).await)
    }

    async fn connect_raw(&self) -> Result<RawConnection, Error> {
        match self {
            Self::Standalone(client) => Ok(RawConnection::Single(
                connect(client, &without_response_timeout()).await?,
            )),
            Self::Sentinels(sentinels) => {
                // Resolved for each connection: the primary changes with every failover.
                let primary = sentinels.resolve().await?;
                Ok(RawConnection::Single(
                    connect(&primary, &without_response_timeout()).await?,
                ))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.connect().await.map(RawConnection::Cluster),
            // Detached from the pool: a checkout per request would cost a round trip of its own.
            Self::Pool(pool) => {
                let connection = pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => classify::classify_connect(error),
                    other => {
                        Error::unavailable("the pool returned no connection").with_source(other)
                    }
                })?;
                Ok(RawConnection::Single(Connection::take(connection)))
            }
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standalone(_) => "Connector::Standalone",
            Self::Sentinels(_) => "Connector::Sentinels",
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => "Connector::Cluster",
            Self::Pool(_) => "Connector::Pool",
        })
    }
}
