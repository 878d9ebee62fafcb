//! What a site sets about webhooks.

#[cfg(feature = "conformance")]
use std::net::IpAddr;
use std::sync::Arc;

use crate::SalverBuilder;
#[cfg(feature = "conformance")]
use crate::webhook_settings::Lookup;
use crate::webhook_settings::WebhookSettings;

impl SalverBuilder {
    /// Allows [endpoints](crate::webhooks::Endpoint) without TLS: `http://…`. Default: `https` only, since anyone on the way
    /// could read events. All processes need the same setting.
    #[must_use]
    pub fn allow_http_endpoints(mut self) -> Self {
        self.webhook_settings().allows_http = true;
        self
    }

    /// Allows endpoints in networks that are not public, such as `10.1.0.0/16` or `127.0.0.1/32`. Default: none, so that
    /// a registered endpoint cannot be a server behind the firewall. All processes need the same setting.
    ///
    /// [`build`](Self::build) refuses a text that is not a network.
    #[must_use]
    pub fn allow_endpoint_networks<N: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = N>,
    ) -> Self {
        let networks = networks.into_iter().map(Into::into);
        self.webhook_settings().allow_networks(networks);
        self
    }

    /// Sets the CA certificate that may sign the certificates of endpoints, in PEM, beside those that browsers know.
    /// Default: none. Workers need it. A worker with a text that is not a certificate does not start.
    #[must_use]
    pub fn endpoint_ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.webhook_settings().ca_certificate = Some(pem.as_ref().to_vec());
        self
    }

    /// Replaces the lookup of the names of endpoints, in tests.
    #[cfg(feature = "conformance")]
    #[doc(hidden)]
    #[must_use]
    pub fn endpoint_lookup(
        mut self,
        lookup: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.webhook_settings().lookup = Some(Lookup(Arc::new(lookup)));
        self
    }

    fn webhook_settings(&mut self) -> &mut WebhookSettings {
        Arc::make_mut(&mut self.config.webhooks)
    }
}
