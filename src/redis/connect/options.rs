//! The settings of every connection.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::Error;
use crate::redis::classify;
use crate::redis::connect::config::ConnectionConfig;
#[cfg(feature = "tls")]
use crate::redis::connect::tls::{install_crypto_provider, invalid_certificate, is_tls};

/// Longest wait for one server to take a connection. Stops a host that has vanished from keeping pages
/// waiting for one attempt, and from hiding for long that it is back.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait of the client itself for a reply, where callers set no deadline, and of a Cluster's client, which
/// asks again by itself.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Most requests in a connection's queue: many small ones of one worker. The client's own 50 would make
/// pages wait for each other.
pub(super) const PIPELINE_BUFFER: usize = 1024;
/// How long an idle connection stays unprobed, and how long unacknowledged bytes are waited for: a peer
/// that vanished is noticed within seconds instead of hours.
pub(super) const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
pub(super) const USER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn connection_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// Of connections on which each request has a deadline of its caller's: a second timer for it would cost more
/// than the rest of the request.
pub(super) fn without_response_timeout() -> AsyncConnectionConfig {
    connection_config().set_response_timeout(None)
}

pub(super) async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Error> {
    let connection = client.get_multiplexed_async_connection_with_config(config);
    connection.await.map_err(classify::classify_connect)
}

/// The cause stays out of the error: it may quote the URL, and with it a password.
pub(super) fn invalid_url<E>(_: E) -> Error {
    Error::invalid("url", "is not a Redis URL such as redis://127.0.0.1:6379")
}

pub(super) fn parse_url(url: &str) -> Result<ConnectionInfo, Error> {
    if cfg!(not(feature = "tls")) && url.starts_with("rediss:") {
        return Err(Error::invalid(
            "url",
            "uses TLS: enable the feature `tls` of salver",
        ));
    }
    let info = url.into_connection_info().map_err(invalid_url)?;
    // RESP3 tells of a closed connection when it closes, not at the next command.
    let redis = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(info
        .set_tcp_settings(tcp_settings())
        .set_redis_settings(redis))
}

pub(super) fn tcp_settings() -> TcpSettings {
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE_TIME));
    if cfg!(target_os = "linux") {
        tcp.set_user_timeout(USER_TIMEOUT)
    } else {
        tcp
    }
}

#[cfg_attr(
    not(feature = "tls"),
    expect(unused_variables, reason = "only certificates are looked for there")
)]
pub(super) fn open_client(
    info: ConnectionInfo,
    config: &ConnectionConfig,
) -> Result<Client, Error> {
    #[cfg(feature = "tls")]
    if is_tls(&info) {
        install_crypto_provider();
        let opened = Client::build_with_tls(info, config.tls.certificates());
        return opened.map_err(invalid_certificate);
    }
    Client::open(info).map_err(invalid_url)
}
