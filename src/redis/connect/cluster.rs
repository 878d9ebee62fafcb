//! The client of a Redis Cluster.

use ::redis::cluster::ClusterClient;
use ::redis::{ConnectionInfo, ProtocolVersion};

use crate::Error;
use crate::redis::connect::config::ConnectionConfig;
use crate::redis::connect::options::{
    CONNECT_TIMEOUT, RESPONSE_TIMEOUT, invalid_url, tcp_settings,
};
#[cfg(feature = "tls")]
use crate::redis::connect::tls::{install_crypto_provider, is_tls};

/// How often the Cluster client follows a migrating hash slot, and its shortest and longest pause
/// in milliseconds. The client's default of 16 retries would continue long after every deadline.
const REDIRECT_RETRIES: (u32, u64, u64) = (3, 5, 20);

#[cfg_attr(
    not(feature = "tls"),
    expect(unused_variables, reason = "used only for TLS certificates")
)]
pub(crate) fn open_cluster_client(
    nodes: &[ConnectionInfo],
    config: &ConnectionConfig,
) -> Result<ClusterClient, Error> {
    let (retries, min_wait, max_wait) = REDIRECT_RETRIES;
    // All nodes use the credentials of the first address.
    let credentials = nodes.first().map(|info| info.redis_settings().clone());
    let with_credentials = nodes.iter().cloned().map(|info| match &credentials {
        Some(credentials) => info.set_redis_settings(credentials.clone()),
        None => info,
    });
    let builder = ClusterClient::builder(with_credentials)
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
