//! Connection settings: addresses and topology.

#[cfg(feature = "tls")]
use crate::redis::connect::tls::TlsConfig;

/// The kind of servers at the configured addresses.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    Standalone,
    /// Sentinels. `primary` is the name under which they monitor the primary; `credentials` are the
    /// user and password of the Sentinels themselves.
    Sentinels {
        primary: String,
        credentials: Option<(String, String)>,
    },
    #[cfg(feature = "cluster")]
    Cluster,
}

/// Addresses, topology and TLS settings.
#[derive(Clone)]
pub(crate) struct ConnectionConfig {
    pub(crate) urls: Vec<String>,
    pub(crate) topology: Topology,
    #[cfg(feature = "tls")]
    pub(crate) tls: TlsConfig,
}
