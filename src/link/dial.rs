//! How a connection is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection, Pool, PoolError};
use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
#[cfg(feature = "tls")]
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio::time::timeout;

use super::fault;
use super::wire::Wire;
use crate::Error;

/// Longest wait for one server to take a connection. Stops a host that has vanished from keeping pages
/// waiting for one attempt, and from hiding for long that it is back.
const CONNECT: Duration = Duration::from_millis(500);
/// Longest wait where several servers have to be asked: Sentinels for the primary, a Cluster for its slots.
const SEARCH: Duration = Duration::from_secs(2);
/// How much longer other Sentinels are waited for where one has answered that it knows no primary.
const OTHERS: Duration = Duration::from_millis(200);
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
/// How often a Cluster's client follows a slot that is moving, and how long it waits before it does, in
/// milliseconds. Its own 16 times would ask long after every deadline.
#[cfg(feature = "cluster")]
const FOLLOW: (u32, u64, u64) = (3, 5, 20);

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

/// Certificates, in PEM.
#[cfg(feature = "tls")]
#[derive(Clone, Default)]
pub(crate) struct Tls {
    pub(crate) ca: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Refuses what cannot be read, and certificates for addresses that ask for no TLS: they would be left out
    /// in silence.
    fn check(&self, infos: &[ConnectionInfo]) -> Result<(), Error> {
        let with_tls = infos.iter().filter(|info| is_tls(info)).count();
        let given = self.ca.is_some() || self.client.is_some();
        if with_tls < infos.len() && (given || with_tls > 0) {
            let problem =
                "has to be rediss:// where another one is, or where certificates are given";
            return Err(Error::invalid("url", problem));
        }
        if let Some(ca) = &self.ca {
            check_certificates(ca)?;
        }
        if let Some((certificate, key)) = &self.client {
            check_certificates(certificate)?;
            PrivateKeyDer::from_pem_slice(key).map_err(unreadable)?;
        }
        Ok(())
    }

    fn certificates(&self) -> redis::TlsCertificates {
        let client = self.client.clone();
        redis::TlsCertificates {
            client_tls: client.map(|(client_cert, client_key)| redis::ClientTlsConfig {
                client_cert,
                client_key,
            }),
            root_cert: self.ca.clone(),
        }
    }
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
    Cluster(Arc<redis::cluster::ClusterClient>),
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
                Ok(Self::Cluster(Arc::new(cluster_at(&infos, addresses)?)))
            }
        }
    }

    /// Makes one connection, whose driver runs on the calling runtime.
    pub(super) async fn dial(&self) -> Result<Wire, Error> {
        let patience = match self {
            Self::One(_) | Self::Pool(_) => CONNECT,
            Self::Sentinels(_) => SEARCH,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => SEARCH,
        };
        let late = |_| Err(Error::unavailable("Redis does not take the connection"));
        // Boxed: what asks Sentinels is large, and rarely there.
        let dialled = timeout(patience, Box::pin(self.dial_patiently())).await;
        dialled.unwrap_or_else(late)
    }

    async fn dial_patiently(&self) -> Result<Wire, Error> {
        match self {
            Self::One(client) => connect(client).await,
            Self::Sentinels(sentinels) => {
                // Asked anew each time: which server is the primary changes with every failover.
                connect(&sentinels.primary().await?).await
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => {
                let connection = client.get_async_connection().await;
                connection.map(Wire::Cluster).map_err(fault::of_dial)
            }
            // Detached from the pool: a checkout per request would cost a round trip of its own.
            Self::Pool(pool) => {
                let connection = pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => fault::of_dial(error),
                    other => Error::unavailable("the pool gives no connection").because(other),
                })?;
                Ok(Wire::One(Connection::take(connection)))
            }
        }
    }
}

async fn connect(client: &Client) -> Result<Wire, Error> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE))
        .set_pipeline_buffer_size(QUEUE);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map(Wire::One).map_err(fault::of_dial)
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

/// Sentinels and what they are asked.
pub(crate) struct Sentinels {
    infos: Vec<ConnectionInfo>,
    addresses: Addresses,
}

impl Sentinels {
    /// Asks all at once and takes the first that names a server which is the primary by its own word: a
    /// Sentinel that hangs keeps nobody waiting, often on the very machine of the primary that failed.
    async fn primary(&self) -> Result<Client, Error> {
        let mut clients = self.clients()?;
        let asked = clients.iter_mut().map(SentinelClient::async_get_client);
        let mut asked: FuturesUnordered<_> = asked.collect();
        let (mut patience, mut told) = (CONNECT, Error::unavailable("no Sentinel answers"));
        while let Ok(Some(named)) = timeout(patience, asked.next()).await {
            match named {
                Ok(primary) => return Ok(primary),
                Err(error) => (patience, told) = (OTHERS, fault::of_dial(error)),
            }
        }
        Err(told)
    }

    fn clients(&self) -> Result<Vec<SentinelClient>, Error> {
        self.infos.iter().map(|info| self.client(info)).collect()
    }

    fn client(&self, sentinel: &ConnectionInfo) -> Result<SentinelClient, Error> {
        let (Topology::Sentinels { primary, login }, Some(first)) =
            (&self.addresses.topology, self.infos.first())
        else {
            return Err(Error::invalid("url", "is missing"));
        };
        let sentinel = [sentinel.addr().clone()];
        let kind = SentinelServerType::Master;
        let not_over_a_network =
            |_| Error::invalid("url", "of a Sentinel has to be redis:// or rediss://");
        let mut builder = SentinelClientBuilder::new(sentinel, primary.clone(), kind)
            .map_err(not_over_a_network)?
            .set_client_to_redis_tcp_settings(tcp())
            .set_client_to_sentinel_tcp_settings(tcp())
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(first.redis_settings().db());
        if let Some(user) = first.redis_settings().username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = first.redis_settings().password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some((user, password)) = login {
            builder = builder
                .set_client_to_sentinel_username(user)
                .set_client_to_sentinel_password(password);
        }
        #[cfg(feature = "tls")]
        let builder = with_tls(builder, first, &self.addresses.tls);
        builder.build().map_err(refused)
    }
}

#[cfg(feature = "cluster")]
fn cluster_at(
    infos: &[ConnectionInfo],
    addresses: &Addresses,
) -> Result<redis::cluster::ClusterClient, Error> {
    let (retries, least, most) = FOLLOW;
    // One user for all nodes: that of the first address.
    let login = infos.first().map(|info| info.redis_settings().clone());
    let nodes = infos.iter().cloned().map(|info| match &login {
        Some(login) => info.set_redis_settings(login.clone()),
        None => info,
    });
    let builder = redis::cluster::ClusterClient::builder(nodes)
        .retries(retries)
        .min_retry_wait(least)
        .max_retry_wait(most)
        .connection_timeout(CONNECT)
        .response_timeout(RESPONSE)
        .overall_response_timeout(Some(RESPONSE))
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp());
    #[cfg(feature = "tls")]
    let builder = if infos.iter().any(is_tls) {
        provide_cryptography();
        builder.certs(addresses.tls.certificates())
    } else {
        builder
    };
    #[cfg(not(feature = "tls"))]
    let _ = addresses;
    builder.build().map_err(refused)
}

#[cfg(feature = "tls")]
fn with_tls(
    builder: SentinelClientBuilder,
    first: &ConnectionInfo,
    tls: &Tls,
) -> SentinelClientBuilder {
    if !is_tls(first) {
        return builder;
    }
    provide_cryptography();
    builder
        .set_client_to_redis_tls_mode(redis::TlsMode::Secure)
        .set_client_to_redis_certificates(tls.certificates())
        .set_client_to_sentinel_tls_mode(redis::TlsMode::Secure)
        .set_client_to_sentinel_certificates(tls.certificates())
}

#[cfg(feature = "tls")]
fn is_tls(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. })
}

#[cfg(feature = "tls")]
fn check_certificates(pem: &[u8]) -> Result<(), Error> {
    let mut certificates = CertificateDer::pem_slice_iter(pem);
    let first = certificates.next().unwrap_or(Err(pem::Error::NoItemsFound));
    std::iter::once(first)
        .chain(certificates)
        .try_for_each(|one| one.map(drop))
        .map_err(unreadable)
}

#[cfg(feature = "tls")]
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    // Of a certificate there is nothing to hide.
    Error::invalid("certificate", "cannot be read as PEM").because(error)
}

/// Says which cryptography TLS uses, where the application has not said so.
#[cfg(feature = "tls")]
fn provide_cryptography() {
    // Refused when there is one already: then that one it is.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
