//! Registers, lists and changes endpoints.

use std::fmt;

use crate::events::{EndpointRecord, EndpointRegistry, EndpointState};
use crate::webhooks::endpoint::{Endpoint, RegisteredEndpoint};
use crate::webhooks::transport::client::Client;
use crate::webhooks::{generations, handshake, pace, secret};
use crate::{Error, MessageId, Salver};

/// The endpoints of an application. Created by [`Salver::endpoints`].
#[derive(Clone)]
pub struct Endpoints {
    salver: Salver,
}

impl Salver {
    /// Returns the endpoints of this application. Sends nothing.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            salver: self.clone(),
        }
    }
}

impl Endpoints {
    /// Registers an endpoint. Returns its id, and the secret by which it verifies that a webhook is from this site:
    /// `whsec_` and base64, as Standard Webhooks writes it. It is not returned again. Two round trips, and one request to
    /// the URL with a [handshake](Endpoint::handshake).
    ///
    /// An event that is published afterwards is delivered to it. Repeating with the same endpoint registers it once.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): a field that [`Endpoint`] describes; a URL that may not be called, such as
    ///   one of this machine; a URL that does not consent.
    /// - [`is_full`](Error::is_full): there are 1,000 endpoints.
    /// - [`is_misconfigured`](Error::is_misconfigured): the site has no [secret](crate::SalverBuilder::secret), or the
    ///   store is a custom one.
    /// - [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    ///   [`is_denied`](Error::is_denied), as for [`add`](Salver::add). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the endpoint may have been registered. Repeating is safe.
    pub async fn add(&self, endpoint: Endpoint) -> Result<(String, String), Error> {
        let added = self.register(&endpoint).await;
        added.map_err(|error| error.with_operation("add_endpoint"))
    }

    async fn register(&self, endpoint: &Endpoint) -> Result<(String, String), Error> {
        let mut record = endpoint.record(MessageId::new().unix_ms())?;
        let client = Client::new(&self.salver)?;
        client.check(&record.url)?;
        let secret = secret::text(&self.salver, &endpoint.id, 0)?;
        if endpoint.has_handshake {
            record.rate = handshake::perform(&self.salver, &client, &record).await?;
        }
        let add = |known: Option<EndpointRecord>| Ok(known.or_else(|| Some(record.clone())));
        self.change(&endpoint.id, add).await?;
        Ok((endpoint.id.clone(), secret))
    }

    /// Returns all endpoints, oldest first. One round trip.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_misconfigured`](Error::is_misconfigured) for a custom store.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn list(&self) -> Result<Vec<RegisteredEndpoint>, Error> {
        let registry = EndpointRegistry {
            salver: &self.salver,
        };
        let all = registry.list().await?;
        Ok(all.into_iter().map(RegisteredEndpoint::of).collect())
    }

    /// Returns a new secret of an endpoint; `None` if there is no such endpoint. The secret that it replaces signs too for
    /// 24 hours, also after further rotations, so that the program can change it meanwhile. Two round trips.
    ///
    /// Repeating within 5 minutes returns the same secret.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and [`is_full`](Error::is_full) while four replaced secrets sign.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the secret may have been changed. Repeating within 5 minutes is safe.
    pub async fn rotate(&self, id: &str) -> Result<Option<String>, Error> {
        let now = MessageId::new().unix_ms();
        let rotate = |known: Option<EndpointRecord>| {
            let rotated = known.map(|record| {
                let generation = generations::rotate(&record.generation, now)?;
                Ok(EndpointRecord {
                    generation,
                    ..record
                })
            });
            rotated.transpose()
        };
        let rotated = self.change(id, rotate).await?;
        let secret = rotated.map(|record| secret::text(&self.salver, id, record.generation.number));
        secret.transpose()
    }

    /// Delivers events to an endpoint again that was disabled. Returns whether there is such an endpoint. Three round trips.
    ///
    /// Deliveries that are dead are attempted again by [`Deliveries::replay`](crate::jobs::Deliveries::replay).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may have been enabled. Repeating is safe.
    pub async fn enable(&self, id: &str) -> Result<bool, Error> {
        // Before it is enabled: else the first failure would disable it again.
        pace::reset(&self.salver, id).await?;
        let enable = |record| EndpointRecord {
            state: EndpointState::Enabled,
            reason: None,
            ..record
        };
        Ok(self.change_known(id, enable).await?.is_some())
    }

    /// Stops all deliveries to an endpoint. Those that wait are dead when they are due. Returns whether there is such an
    /// endpoint. Two round trips.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may have been disabled. Repeating is safe.
    pub async fn disable(&self, id: &str) -> Result<bool, Error> {
        let disabled = self.disable_for(id, "by an operator").await?;
        Ok(disabled.is_some())
    }

    /// Disables an endpoint for a reason. Returns it; `None` if there is none.
    pub(super) async fn disable_for(
        &self,
        id: &str,
        reason: &str,
    ) -> Result<Option<EndpointRecord>, Error> {
        let disable = |record: EndpointRecord| match record.state {
            // The first reason stays.
            EndpointState::Disabled => record,
            EndpointState::Enabled => EndpointRecord {
                state: EndpointState::Disabled,
                reason: Some(reason.to_owned()),
                ..record
            },
        };
        self.change_known(id, disable).await
    }

    /// Removes an endpoint. Deliveries that wait are cancelled when they are due. Returns whether there was such an
    /// endpoint. Two round trips.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may have been removed. Repeating is safe.
    pub async fn remove(&self, id: &str) -> Result<bool, Error> {
        let all = self.list().await?;
        self.change(id, |_| Ok(None)).await?;
        Ok(all.iter().any(|endpoint| endpoint.id == id))
    }

    /// Changes an endpoint if there is one.
    async fn change_known(
        &self,
        id: &str,
        change: impl Fn(EndpointRecord) -> EndpointRecord,
    ) -> Result<Option<EndpointRecord>, Error> {
        self.change(id, |known| Ok(known.map(&change))).await
    }

    async fn change(
        &self,
        id: &str,
        change: impl Fn(Option<EndpointRecord>) -> Result<Option<EndpointRecord>, Error>,
    ) -> Result<Option<EndpointRecord>, Error> {
        let registry = EndpointRegistry {
            salver: &self.salver,
        };
        registry.change(id, change).await
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("app", &self.salver.app())
            .finish()
    }
}
