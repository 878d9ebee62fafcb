//! Discovery of the primary through Sentinels.

use std::time::Duration;

use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{Client, ConnectionInfo, ProtocolVersion, RedisConnectionInfo};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use crate::Error;
use crate::redis::classify;
use crate::redis::connect::config::{ConnectionConfig, Topology};
use crate::redis::connect::options::{CONNECT_TIMEOUT, invalid_url, open_client, tcp_settings};
#[cfg(feature = "tls")]
use crate::redis::connect::tls::{TlsConfig, install_crypto_provider, is_tls};

/// Longest further wait for the other Sentinels after one has failed to report a primary.
const REMAINING_TIMEOUT: Duration = Duration::from_millis(200);

/// The Sentinels, and the settings for querying them.
pub(crate) struct SentinelResolver {
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) config: ConnectionConfig,
}

impl SentinelResolver {
    /// Queries all Sentinels concurrently and returns the first reported server that itself
    /// confirms the role of a primary. An unresponsive Sentinel, often on the machine of the failed
    /// primary, causes no delay.
    pub(crate) async fn resolve(&self) -> Result<Client, Error> {
        let mut clients = self.clients()?;
        let queries = clients.iter_mut().map(SentinelClient::async_get_client);
        let mut queries: FuturesUnordered<_> = queries.collect();
        let (mut wait, mut failure) = (CONNECT_TIMEOUT, Error::unavailable("no Sentinel replied"));
        while let Ok(Some(result)) = timeout(wait, queries.next()).await {
            match result {
                Ok(primary) => return Ok(primary),
                Err(error) => {
                    (wait, failure) = (REMAINING_TIMEOUT, classify::classify_connect(error))
                }
            }
        }
        Err(failure)
    }

    pub(crate) fn clients(&self) -> Result<Vec<SentinelClient>, Error> {
        self.nodes.iter().map(|info| self.client(info)).collect()
    }

    /// Returns the name of the primary, and a client of each Sentinel itself.
    pub(crate) fn sentinel_clients(&self) -> Result<(&str, Vec<Client>), Error> {
        let Topology::Sentinels {
            primary,
            credentials,
        } = &self.config.topology
        else {
            return Err(Error::invalid("sentinel", "is missing"));
        };
        let mut settings = RedisConnectionInfo::default();
        if let Some((user, password)) = credentials {
            settings = settings.set_username(user).set_password(password);
        }
        let client = |info: &ConnectionInfo| {
            let info = info.clone().set_redis_settings(settings.clone());
            open_client(info, &self.config)
        };
        let clients: Result<_, _> = self.nodes.iter().map(client).collect();
        Ok((primary, clients?))
    }

    fn client(&self, sentinel: &ConnectionInfo) -> Result<SentinelClient, Error> {
        let (
            Topology::Sentinels {
                primary,
                credentials,
            },
            Some(first),
        ) = (&self.config.topology, self.nodes.first())
        else {
            return Err(Error::invalid("url", "is missing"));
        };
        let sentinel = [sentinel.addr().clone()];
        let kind = SentinelServerType::Master;
        let not_tcp = |_| Error::invalid("url", "of a Sentinel must be redis:// or rediss://");
        let mut builder = SentinelClientBuilder::new(sentinel, primary.clone(), kind)
            .map_err(not_tcp)?
            .set_client_to_redis_tcp_settings(tcp_settings())
            .set_client_to_sentinel_tcp_settings(tcp_settings())
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(first.redis_settings().db());
        if let Some(user) = first.redis_settings().username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = first.redis_settings().password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some((user, password)) = credentials {
            builder = builder
                .set_client_to_sentinel_username(user)
                .set_client_to_sentinel_password(password);
        }
        #[cfg(feature = "tls")]
        let builder = with_tls(builder, first, &self.config.tls);
        builder.build().map_err(invalid_url)
    }
}

#[cfg(feature = "tls")]
fn with_tls(
    builder: SentinelClientBuilder,
    first: &ConnectionInfo,
    tls: &TlsConfig,
) -> SentinelClientBuilder {
    if !is_tls(first) {
        return builder;
    }
    install_crypto_provider();
    builder
        .set_client_to_redis_tls_mode(::redis::TlsMode::Secure)
        .set_client_to_redis_certificates(tls.certificates())
        .set_client_to_sentinel_tls_mode(::redis::TlsMode::Secure)
        .set_client_to_sentinel_certificates(tls.certificates())
}
