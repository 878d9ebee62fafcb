//! Connections to a Redis Cluster: by the client of all its nodes, and to single nodes.

use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{Client, ConnectionAddr, ConnectionInfo, ProtocolVersion};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::Error;
use crate::redis::Idempotency;
use crate::redis::classify;
use crate::redis::connect::config::ConnectionConfig;
use crate::redis::connect::options::{
    CONNECT_TIMEOUT, RESPONSE_TIMEOUT, connect, connection_config, invalid_url, open_client,
    tcp_settings,
};
#[cfg(feature = "tls")]
use crate::redis::connect::tls::{install_crypto_provider, is_tls};
use crate::redis::slot_map::{ClusterNode, SlotMap};

/// How often the Cluster client follows a migrating hash slot, and its shortest and longest pause
/// in milliseconds. The client's default of 16 retries would continue long after every deadline.
const REDIRECT_RETRIES: (u32, u64, u64) = (3, 5, 20);

/// The configured nodes of a Cluster, and the settings of the connections to all nodes.
pub(crate) struct ClusterConnector {
    client: ClusterClient,
    /// All have the credentials of the first address.
    seeds: Vec<ConnectionInfo>,
    config: ConnectionConfig,
}

impl ClusterConnector {
    /// Does not connect.
    pub(super) fn new(nodes: &[ConnectionInfo], config: &ConnectionConfig) -> Result<Self, Error> {
        let credentials = nodes.first().map(|info| info.redis_settings().clone());
        let with_credentials = nodes.iter().cloned().map(|info| match &credentials {
            Some(credentials) => info.set_redis_settings(credentials.clone()),
            None => info,
        });
        let seeds: Vec<_> = with_credentials.collect();
        Ok(Self {
            client: open_cluster_client(&seeds, config)?,
            seeds,
            config: config.clone(),
        })
    }

    /// Opens a connection to all nodes.
    pub(super) async fn connect(&self) -> Result<ClusterConnection, Error> {
        let connection = self.client.get_async_connection().await;
        connection.map_err(classify::classify_connect)
    }

    /// Returns a client of one node, with the settings of the configured ones.
    pub(super) fn client_of(&self, node: &ClusterNode) -> Result<Client, Error> {
        let Some(seed) = self.seeds.first() else {
            return Err(Error::invalid("url", "is missing"));
        };
        let (host, port) = (node.host.clone(), node.port);
        let addr = match seed.addr() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        open_client(seed.clone().set_addr(addr), &self.config)
    }

    /// Queries the configured and the given nodes at the same time. Returns the slots that the first
    /// node reports.
    pub(super) async fn slot_map(&self, nodes: &[ClusterNode]) -> Result<SlotMap, Error> {
        let seeds = self.seeds.iter().cloned();
        let seeds = seeds.map(|info| open_client(info, &self.config));
        let clients = seeds.chain(nodes.iter().map(|node| self.client_of(node)));
        let mut queries: FuturesUnordered<_> = clients.map(query_slot_map).collect();
        let mut failure = Error::unavailable("no node of the Cluster replied");
        while let Some(reply) = queries.next().await {
            match reply {
                Ok(SlotMap(ranges)) if ranges.is_empty() => {
                    failure = Error::unavailable("the Cluster has no hash slots");
                }
                Ok(map) => return Ok(map),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

async fn query_slot_map(client: Result<Client, Error>) -> Result<SlotMap, Error> {
    let client = client?;
    let host = match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => return Err(invalid_url(())),
    };
    let config = connection_config().set_response_timeout(Some(RESPONSE_TIMEOUT));
    let mut connection = connect(&client, &config).await?;
    let map = SlotMap::query(&mut connection, &host).await;
    map.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)
}

#[cfg_attr(
    not(feature = "tls"),
    expect(unused_variables, reason = "used only for TLS certificates")
)]
fn open_cluster_client(
    nodes: &[ConnectionInfo],
    config: &ConnectionConfig,
) -> Result<ClusterClient, Error> {
    let (retries, min_wait, max_wait) = REDIRECT_RETRIES;
    let builder = ClusterClient::builder(nodes.iter().cloned())
        .retries(retries)
        .min_retry_wait(min_wait)
        .max_retry_wait(max_wait)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT)
        .overall_response_timeout(Some(RESPONSE_TIMEOUT))
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp_settings());
    #[cfg(feature = "tls")]
    let builder = if nodes.iter().any(is_tls) {
        install_crypto_provider();
        builder.certs(config.tls.certificates())
    } else {
        builder
    };
    builder.build().map_err(invalid_url)
}
