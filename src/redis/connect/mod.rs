//! How a connection is made.

#[cfg(feature = "cluster")]
mod cluster;
mod primary_monitor;
mod sentinel;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{AsyncPushSender, MultiplexedConnection};
use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use deadpool_redis::{Connection, Pool, PoolError};
use tokio::time::timeout;

pub(crate) use self::primary_monitor::Primary;
use self::sentinel::Sentinels;
#[cfg(feature = "tls")]
pub(crate) use self::tls::Tls;
#[cfg(feature = "tls")]
use self::tls::{is_tls, provide_cryptography, unreadable};
use crate::Error;
use crate::redis::classify;
use crate::redis::raw::Wire;

/// Longest wait for one server to take a connection. Stops a host that has vanished from keeping pages
/// waiting for one attempt, and from hiding for long that it is back.
const CONNECT: Duration = Duration::from_millis(500);
/// Longest wait where several servers have to be asked: Sentinels for the primary, a Cluster for its slots.
const SEARCH: Duration = Duration::from_secs(2);
/// Longest wait of the client itself for a reply, where callers set no deadline, and of a Cluster's client, which
/// asks again by itself.
const RESPONSE: Duration = Duration::from_secs(2);
/// Most requests in a connection's queue: many small ones of one worker. The client's own 50 would make
/// pages wait for each other.
const QUEUE: usize = 1024;
/// How long an idle connection stays unprobed, and how long unacknowledged bytes are waited for: a peer
/// that vanished is noticed within seconds instead of hours.
const KEEPALIVE: Duration = Duration::from_secs(10);
const USER_TIMEOUT: Duration = Duration::from_secs(5);
/// Why there is nobody to listen to.
const NO_ONE_SERVER: &str = "there is no one server that knows of all changes";

/// What stands at the addresses.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    One,
    /// Sentinels, which know the primary by this name, with the user and password that they ask for.
    Sentinels {
        primary: String,
        login: Option<(String, String)>,
    },
    #[cfg(feature = "cluster")]
    Cluster,
}

/// Where to connect to.
#[derive(Clone)]
pub(crate) struct Addresses {
    pub(crate) urls: Vec<String>,
    pub(crate) topology: Topology,
    #[cfg(feature = "tls")]
    pub(crate) tls: Tls,
}

/// Makes connections: to addresses, or out of a pool that the caller brought.
#[derive(Clone)]
pub(crate) enum Dialer {
    One(Arc<Client>),
    Sentinels(Arc<Sentinels>),
    #[cfg(feature = "cluster")]
    Cluster(Arc<::redis::cluster::ClusterClient>),
    Pool(Pool),
}

impl Dialer {
    /// Reads addresses. Connects to nothing.
    pub(crate) fn new(addresses: &Addresses) -> Result<Self, Error> {
        let infos: Result<Vec<_>, _> = addresses.urls.iter().map(|url| read(url)).collect();
        let infos = infos?;
        #[cfg(feature = "tls")]
        addresses.tls.check(&infos)?;
        match (&addresses.topology, infos.as_slice()) {
            (_, []) => Err(Error::invalid("url", "is missing")),
            (Topology::One, [_, _, ..]) => Err(Error::invalid(
                "seed",
                "needs `cluster()` or `sentinel(name)` to say what stands at the addresses",
            )),
            (Topology::One, [info]) => Ok(Self::One(Arc::new(open(info.clone(), addresses)?))),
            (Topology::Sentinels { .. }, [..]) => {
                let sentinels = Sentinels {
                    infos,
                    addresses: addresses.clone(),
                };
                sentinels.clients()?;
                Ok(Self::Sentinels(Arc::new(sentinels)))
            }
            #[cfg(feature = "cluster")]
            (Topology::Cluster, [..]) => {
                Ok(Self::Cluster(Arc::new(cluster::open(&infos, addresses)?)))
            }
        }
    }

    /// Makes one connection, whose driver runs on the calling runtime.
    pub(crate) async fn dial(&self) -> Result<Wire, Error> {
        self.patiently(Box::pin(self.wire())).await
    }

    async fn patiently<T>(
        &self,
        dialling: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + '_>>,
    ) -> Result<T, Error> {
        let patience = match self {
            Self::One(_) | Self::Pool(_) => CONNECT,
            Self::Sentinels(_) => SEARCH,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => SEARCH,
        };
        let late = |_| Err(Error::unavailable("Redis does not take the connection"));
        // Boxed: what asks Sentinels is large, and rarely there.
        let dialled = timeout(patience, dialling).await;
        dialled.unwrap_or_else(late)
    }

    /// Makes a connection to one server on which it may also speak unasked; where Sentinels named it, they may
    /// come to name another.
    pub(crate) async fn dial_listening(
        &self,
        push: impl AsyncPushSender,
    ) -> Result<(MultiplexedConnection, Option<Primary>), Error> {
        let config = config()
            .set_response_timeout(Some(RESPONSE))
            .set_push_sender(push);
        let connecting = async {
            match self {
                Self::One(client) => Ok((connect(client, &config).await?, None)),
                Self::Sentinels(sentinels) => {
                    let client = sentinels.primary().await?;
                    let connection = connect(&client, &config).await?;
                    Ok((connection, Primary::of(sentinels, &client)))
                }
                #[cfg(feature = "cluster")]
                Self::Cluster(_) => Err(Error::unavailable(NO_ONE_SERVER)),
                Self::Pool(_) => Err(Error::unavailable(NO_ONE_SERVER)),
            }
        };
        self.patiently(Box::pin(connecting)).await
    }

    /// Tells whether there is one server that can tell of all changes.
    pub(crate) fn can_listen(&self) -> bool {
        matches!(self, Self::One(_) | Self::Sentinels(_))
    }

    async fn wire(&self) -> Result<Wire, Error> {
        match self {
            Self::One(client) => Ok(Wire::One(connect(client, &prompt()).await?)),
            Self::Sentinels(sentinels) => {
                // Asked anew each time: which server is the primary changes with every failover.
                let primary = sentinels.primary().await?;
                Ok(Wire::One(connect(&primary, &prompt()).await?))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => {
                let connection = client.get_async_connection().await;
                connection.map(Wire::Cluster).map_err(classify::of_dial)
            }
            // Detached from the pool: a checkout per request would cost a round trip of its own.
            Self::Pool(pool) => {
                let connection = pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => classify::of_dial(error),
                    other => Error::unavailable("the pool gives no connection").because(other),
                })?;
                Ok(Wire::One(Connection::take(connection)))
            }
        }
    }
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_pipeline_buffer_size(QUEUE)
}

/// Of connections on which each request has a deadline of its caller's: a second timer for it would cost more
/// than the rest of the request.
fn prompt() -> AsyncConnectionConfig {
    config().set_response_timeout(None)
}

async fn connect(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Error> {
    let connection = client.get_multiplexed_async_connection_with_config(config);
    connection.await.map_err(classify::of_dial)
}

/// The cause stays out of the error: it may quote the URL, and with it a password.
fn refused<E>(_: E) -> Error {
    Error::invalid("url", "is not a Redis URL such as redis://127.0.0.1:6379")
}

fn read(url: &str) -> Result<ConnectionInfo, Error> {
    if cfg!(not(feature = "tls")) && url.starts_with("rediss:") {
        return Err(Error::invalid(
            "url",
            "asks for TLS: enable salver's feature `tls`",
        ));
    }
    let info = url.into_connection_info().map_err(refused)?;
    // RESP3 tells of a closed connection when it closes, not at the next command.
    let redis = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_tcp_settings(tcp()).set_redis_settings(redis))
}

fn tcp() -> TcpSettings {
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
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
fn open(info: ConnectionInfo, addresses: &Addresses) -> Result<Client, Error> {
    #[cfg(feature = "tls")]
    if is_tls(&info) {
        provide_cryptography();
        let opened = Client::build_with_tls(info, addresses.tls.certificates());
        return opened.map_err(unreadable);
    }
    Client::open(info).map_err(refused)
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "Dialer::One",
            Self::Sentinels(_) => "Dialer::Sentinels",
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => "Dialer::Cluster",
            Self::Pool(_) => "Dialer::Pool",
        })
    }
}
