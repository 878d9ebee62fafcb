//! How a connection to Redis is described: where, what stands there, and with which certificates.

use std::fmt;

use crate::Error;
use crate::redis::{ConnectionConfig, Topology};
use crate::store::redis::store::RedisStore;

/// Describes where Redis is: `RedisStore::builder("redis://10.0.0.1").build()?`.
///
/// ```
/// use salver::Salver;
/// use salver::store::RedisStore;
///
/// # fn main() -> Result<(), salver::Error> {
/// // The primary that three Sentinels call "main":
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
    /// Takes a URL, `redis://[user:password@]host[:port][/db]`; with the feature `tls` also `rediss://`.
    /// Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a URL that does not parse; the error does not repeat it.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    /// Starts with one address, for Sentinels, a Cluster, or certificates of one's own.
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

    /// Adds another address: of a node of the same Cluster, or of another Sentinel. One that answers is
    /// enough.
    #[must_use]
    pub fn seed(mut self, url: &str) -> Self {
        self.config.urls.push(url.to_owned());
        self
    }

    /// Says that Sentinels stand at the addresses, which know the primary by this name.
    ///
    /// User, password and database of the first address are for the primary.
    #[must_use]
    pub fn sentinel(mut self, primary: &str) -> Self {
        let login = if let Topology::Sentinels {
            credentials: login, ..
        } = self.config.topology
        {
            login
        } else {
            None
        };
        let primary = primary.to_owned();
        self.config.topology = Topology::Sentinels {
            primary,
            credentials: login,
        };
        self
    }

    /// Says which user and password the Sentinels themselves ask for. Default: none. Means nothing before
    /// [`sentinel`](Self::sentinel).
    #[must_use]
    pub fn sentinel_credentials(mut self, user: &str, password: &str) -> Self {
        if let Topology::Sentinels {
            credentials: login, ..
        } = &mut self.config.topology
        {
            *login = Some((user.to_owned(), password.to_owned()));
        }
        self
    }

    /// Says that the nodes of a Redis Cluster stand at the addresses.
    ///
    /// User and password of the first address are for all nodes.
    ///
    /// All keys of a session are in one slot. Two things are different there: a login moves messages in
    /// three steps, each safe to repeat, and a take is a claim and its confirm.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn cluster(mut self) -> Self {
        self.config.topology = Topology::Cluster;
        self
    }

    /// Sets the certificates that may sign the server's, in PEM, for `rediss://`. Default: those of the
    /// system and of Mozilla.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.config.tls.ca_certificate = Some(pem.into());
        self
    }

    /// Sets the certificate and the key by which the server knows this client, in PEM. Default: none.
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

    /// Checks the description. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): a URL that does not parse, `rediss://` without the feature `tls`,
    /// several addresses without a word on what stands there, a certificate that cannot be read. No error
    /// repeats a URL.
    pub fn build(&self) -> Result<RedisStore, Error> {
        RedisStore::from_config(&self.config)
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Tells no address: there may be a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder")
            .field("addresses", &self.config.urls.len())
            .finish_non_exhaustive()
    }
}
