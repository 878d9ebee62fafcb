//! How a connection is made.

#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod options;
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

pub(crate) use self::config::{Addresses, Topology};
use self::options::{CONNECT, RESPONSE, config, connect, open, prompt, read};
pub(crate) use self::primary_monitor::Primary;
use self::sentinel::Sentinels;
#[cfg(feature = "tls")]
pub(crate) use self::tls::Tls;
use crate::Error;
use crate::redis::classify;
use crate::redis::raw::Wire;

/// Longest wait where several servers have to be asked: Sentinels for the primary, a Cluster for its slots.
const SEARCH: Duration = Duration::from_secs(2);
/// Why there is nobody to listen to.
const NO_ONE_SERVER: &str = "there is no one server that knows of all changes";

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
