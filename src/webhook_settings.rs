//! What a site has set about webhooks.

#[cfg(feature = "conformance")]
use std::fmt;
#[cfg(feature = "conformance")]
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::Error;

/// The settings of webhooks.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebhookSettings {
    /// Whether endpoints without TLS are accepted.
    pub(crate) allows_http: bool,
    /// Networks that are not public, whose hosts may be called.
    networks: Vec<String>,
    /// The certificate authority of endpoints that browsers do not know, in PEM.
    pub(crate) ca_certificate: Option<Vec<u8>>,
    #[cfg(feature = "conformance")]
    pub(crate) lookup: Option<Lookup>,
}

/// Replaces the lookup of names in tests: returns the addresses of a name.
#[cfg(feature = "conformance")]
#[derive(Clone)]
pub(crate) struct Lookup(pub(crate) Arc<LookUp>);

#[cfg(feature = "conformance")]
type LookUp = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

#[cfg(feature = "conformance")]
impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl WebhookSettings {
    pub(crate) fn allow_networks(&mut self, networks: impl IntoIterator<Item = String>) {
        self.networks.extend(networks);
    }

    /// Returns the networks that may be called beside public ones.
    ///
    /// # Errors
    ///
    /// `is_invalid` for one that is not written as `10.0.0.0/8`.
    pub(crate) fn networks(&self) -> Result<Arc<[IpNet]>, Error> {
        let parsed = self.networks.iter().map(|network| {
            network.parse().map_err(|cause: ipnet::AddrParseError| {
                let problem = "is not a network such as 10.0.0.0/8";
                Error::invalid("network", problem).with_source(cause)
            })
        });
        parsed.collect()
    }

    /// # Errors
    ///
    /// `is_invalid`, naming the first wrong setting.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        self.networks().map(drop)
    }
}
