//! Settings of every connection.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::Error;
use crate::redis::classify;
use crate::redis::connect::config::ConnectionConfig;
use crate::redis::connect::greeting;
#[cfg(feature = "tls")]
use crate::redis::connect::tls::{install_crypto_provider, invalid_certificate, is_tls};

/// Longest wait for one server to accept a connection. Without it, pages would wait for one attempt
/// to reach an unreachable host, and its recovery would be noticed late.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait of the client itself for a reply. Used where callers set no deadline, and by the
/// Cluster client, which retries by itself.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Capacity of a connection's request queue. A worker sends many small requests: with the client's
/// default of 50, pages would wait for each other.
pub(super) const PIPELINE_BUFFER: usize = 1024;
/// Idle time before the first TCP keep-alive probe. An unreachable peer is noticed within seconds
/// instead of hours.
pub(super) const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
/// Longest wait for the acknowledgement of sent bytes (`TCP_USER_TIMEOUT`), for the same reason.
pub(super) const USER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn connection_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// Returns the settings of connections whose callers set a deadline for each request. A second
/// timer would cost more than the rest of the request.
pub(super) fn without_response_timeout() -> AsyncConnectionConfig {
    connection_config().set_response_timeout(None)
}

pub(super) async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Error> {
    let connection = client.get_multiplexed_async_connection_with_config(config);
    let error = match connection.await {
        Ok(connection) => return Ok(connection),
        Err(error) => error,
    };
    let is_closed = error.is_connection_dropped() && !error.is_connection_refusal();
    let greeting = match is_closed {
        true => greeting::read(client).await,
        false => None,
    };
    Err(match greeting {
        Some(text) => classify::classify_greeting(error, &text),
        None => classify::classify_connect(error),
    })
}

/// Returns the error for an invalid URL. Drops the cause, which may quote the URL and its password.
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
    // With RESP3 the client notices a closed connection immediately, not at the next command.
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
    expect(unused_variables, reason = "used only for TLS certificates")
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
