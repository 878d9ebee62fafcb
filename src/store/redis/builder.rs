//! Connection settings of the Redis store: addresses, topology and certificates.

use std::fmt;

use crate::Error;
use crate::redis::{ConnectionConfig, Topology};
use crate::store::redis::store::RedisStore;

/// Builds a [`RedisStore`]: `RedisStore::builder("redis://10.0.0.1").build()?`.
///
/// ```
/// use salver::Salver;
/// use salver::store::RedisStore;
///
/// # fn main() -> Result<(), salver::Error> {
/// // The primary with the name "main" in three Sentinels:
/// let store = RedisStore::builder("redis://:password@10.0.0.1:26379")
///     .seed("redis://10.0.0.2:26379")
///     .seed("redis://10.0.0.3:26379")
///     .sentinel("main")
///     .build()?;
/// let salver = Salver::new("shop", store)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStoreBuilder {
    config: ConnectionConfig,
}

impl RedisStore {
    /// Creates a store from a URL, `redis://[user:password@]host[:port][/db]`, or with the feature
    /// `tls` also `rediss://`. Does not connect yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a URL that does not parse. The error does not contain
    /// the URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    /// Returns a builder with one address, for Sentinels, a Cluster, or custom certificates.
    #[must_use]
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            config: ConnectionConfig {
                urls: vec![url.to_owned()],
                topology: Topology::Standalone,
                #[cfg(feature = "tls")]
                tls: crate::redis::TlsConfig::default(),
            },
        }
    }

    /// Adds another address: of a node of the same Cluster, or of another Sentinel. One reachable
    /// address is enough.
    #[must_use]
    pub fn seed(mut self, url: &str) -> Self {
        self.config.urls.push(url.to_owned());
        self
    }

    /// Declares that the addresses are Sentinels, which have the primary under this name.
    ///
    /// The user, password and database of the first address are used for the primary.
    #[must_use]
    pub fn sentinel(mut self, primary: &str) -> Self {
        let credentials = if let Topology::Sentinels { credentials, .. } = self.config.topology {
            credentials
        } else {
            None
        };
        let primary = primary.to_owned();
        self.config.topology = Topology::Sentinels {
            primary,
            credentials,
        };
        self
    }

    /// Sets the user and password for the Sentinels themselves. Default: none. Has no effect before
    /// [`sentinel`](Self::sentinel).
    #[must_use]
    pub fn sentinel_credentials(mut self, user: &str, password: &str) -> Self {
        if let Topology::Sentinels { credentials, .. } = &mut self.config.topology {
            *credentials = Some((user.to_owned(), password.to_owned()));
        }
        self
    }

    /// Declares that the addresses are nodes of a Redis Cluster.
    ///
    /// The user and password of the first address are used for all nodes.
    ///
    /// All keys of a session are in one hash slot. Two operations differ in a Cluster: a login
    /// moves messages in three steps, each safe to repeat, and a take is a claim followed by its
    /// confirm.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn cluster(mut self) -> Self {
        self.config.topology = Topology::Cluster;
        self
    }

    /// Sets the CA certificates that may sign the server's certificate, in PEM, for `rediss://`.
    /// Default: those of the system and of Mozilla.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.config.tls.ca_certificate = Some(pem.into());
        self
    }

    /// Sets the certificate and the key that authenticate this client, in PEM. Default: none.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.config.tls.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Validates the settings and builds the store. Does not connect yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): a URL that does not parse, `rediss://` without the
    /// feature `tls`, several addresses without [`sentinel`](Self::sentinel) or `cluster`, or a
    /// certificate that cannot be read. No error contains a URL.
    pub fn build(&self) -> Result<RedisStore, Error> {
        RedisStore::from_config(&self.config)
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Prints no address, because a URL can contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("addresses", &self.config.urls.len())
            .finish_non_exhaustive()
    }
}
