//! Where to connect to, and what stands there.

#[cfg(feature = "tls")]
use crate::redis::connect::tls::TlsConfig;

/// What stands at the addresses.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    Standalone,
    /// Sentinels, which know the primary by this name, with the user and password that they ask for.
    Sentinels {
        primary: String,
        credentials: Option<(String, String)>,
    },
    #[cfg(feature = "cluster")]
    Cluster,
}

/// Where to connect to.
#[derive(Clone)]
pub(crate) struct ConnectionConfig {
    pub(crate) urls: Vec<String>,
    pub(crate) topology: Topology,
    #[cfg(feature = "tls")]
    pub(crate) tls: TlsConfig,
}
