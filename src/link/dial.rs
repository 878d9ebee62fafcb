//! How a connection is made.

use std::fmt;
use std::time::Duration;

use deadpool_redis::{Connection, Pool};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion};
use tokio::time::timeout;

use super::fault;
use crate::Error;

/// Longest wait for a connection. Stops a black hole from keeping every page waiting for one attempt.
const CONNECT: Duration = Duration::from_secs(1);
/// Longest wait of the client itself for a reply. The deadlines of callers are shorter; this one only keeps
/// requests that nobody waits for any more from piling up.
const RESPONSE: Duration = Duration::from_secs(2);
/// Most requests in a connection's queue: many small ones of one worker. The client's own 50 would make
/// pages wait for each other.
const QUEUE: usize = 1024;
/// How long an idle connection stays unprobed, and how long unacknowledged bytes are waited for: a peer
/// that vanished is noticed within seconds instead of hours.
const KEEPALIVE: Duration = Duration::from_secs(10);
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes connections: from an address, or out of a pool that the caller brought.
#[derive(Clone)]
pub(crate) enum Dialer {
    Client(Client),
    Pool(Pool),
}

impl Dialer {
    /// Reads a Redis URL. Connects to nothing.
    pub(crate) fn from_url(url: &str) -> Result<Self, Error> {
        // The cause stays out of the error: it may quote the URL, and with it a password.
        let refused =
            |_| Error::invalid("url", "is not a Redis URL such as redis://127.0.0.1:6379");
        if url.starts_with("rediss:") {
            return Err(Error::invalid(
                "url",
                "asks for TLS, which this version cannot speak",
            ));
        }
        let info = url.into_connection_info().map_err(refused)?;
        let mut tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
        if cfg!(target_os = "linux") {
            tcp = tcp.set_user_timeout(USER_TIMEOUT);
        }
        // RESP3 tells of a closed connection when it closes, not at the next command.
        let redis = info
            .redis_settings()
            .clone()
            .set_protocol(ProtocolVersion::RESP3);
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        Ok(Self::Client(Client::open(info).map_err(refused)?))
    }

    /// Makes one connection, whose driver runs on the calling runtime.
    pub(super) async fn dial(&self) -> Result<MultiplexedConnection, Error> {
        let dialled = match self {
            Self::Client(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT))
                    .set_response_timeout(Some(RESPONSE))
                    .set_pipeline_buffer_size(QUEUE);
                let dial = client.get_multiplexed_async_connection_with_config(&config);
                let connection = timeout(CONNECT, dial).await;
                connection.map(|connection| connection.map_err(fault::of_dial))
            }
            // Detached from the pool: a checkout per request would cost a round trip of its own.
            Self::Pool(pool) => {
                let connection = timeout(CONNECT, pool.get()).await;
                let gave_none =
                    |cause| Error::unavailable("the pool gives no connection").because(cause);
                connection.map(|connection| connection.map(Connection::take).map_err(gave_none))
            }
        };
        dialled.unwrap_or_else(|_| Err(Error::unavailable("Redis does not take the connection")))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Dialer::Client",
            Self::Pool(_) => "Dialer::Pool",
        })
    }
}
