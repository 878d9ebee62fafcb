//! The routes of a broker.

use std::fmt;
use std::future::Future;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Resource};

use crate::Salver;
use crate::broker::settings::Settings;
use crate::broker::tokens::FixedToken;
use crate::broker::{deliveries, endpoints, events, messages, notifications};
use crate::events::Event;
use crate::web::api::allow_only;
use crate::web::routes::path_prefix;
use crate::webhooks::ServedValidators;

/// Default path of the API.
const DEFAULT_PATH: &str = "/v1";
/// The OpenAPI document.
const OPENAPI: &str = include_str!("openapi.json");

impl Salver {
    /// Returns the routes of a broker: `App::new().service(salver.broker_routes())`. They need no middleware.
    ///
    /// A worker with [`webhooks`](crate::jobs::Worker::webhooks), of this process or of another one, delivers what is
    /// published to endpoints; one with [`events`](crate::jobs::Worker::events) alone notifies people.
    #[must_use]
    pub fn broker_routes(&self) -> BrokerRoutes {
        BrokerRoutes {
            path: DEFAULT_PATH.to_owned(),
            settings: Settings::new(self),
        }
    }
}

/// The routes of a broker, below `/v1`. Created by [`Salver::broker_routes`].
///
/// | path | contents | right |
/// |---|---|---|
/// | `POST /v1/events` | publishes a CloudEvent, or a batch of at most 100 and 1 MiB | `publish` |
/// | `POST /v1/endpoints` | registers an endpoint; replies with its secret, once | `endpoints` |
/// | `GET /v1/endpoints` | lists the endpoints | `endpoints` |
/// | `DELETE /v1/endpoints/{id}` | removes an endpoint | `endpoints` |
/// | `POST /v1/endpoints/{id}/rotate` | changes its secret | `endpoints` |
/// | `POST /v1/endpoints/{id}/enable`, `…/disable` | starts, stops deliveries to it | `endpoints` |
/// | `POST /v1/endpoints/{id}/replay` | attempts what is dead since a time again | `endpoints` |
/// | `GET /v1/deliveries?state=dead` | lists what waits, is attempted or is dead | `deliveries` |
/// | `POST /v1/deliveries/{id}/retry` | attempts a delivery at once | `deliveries` |
/// | `POST /v1/deliveries/{id}/cancel` | cancels a delivery | `deliveries` |
/// | `POST /v1/notifications` | adds a notification for recipients | `notify` |
/// | `POST /v1/messages` | adds a flash message for a page of a session | `notify` |
/// | `GET /v1/openapi.json` | the OpenAPI document | none |
///
/// Each request has a token, `Authorization: Bearer …`: that of [`token`](Self::token), or one of
/// [`Salver::tokens`], which makes at most 600 requests a minute over all processes. Errors are
/// `application/problem+json` (RFC 9457).
///
/// A token of [`Salver::tokens`] registers only endpoints that consent, by the
/// [handshake](crate::webhooks::Endpoint::handshake); that of the operator may skip it.
///
/// `202` says that the events are stored. Publishing the same events again is safe: those that are known change nothing.
/// A batch is published only if none of its events is invalid, forbidden or refused. After another failure, `409` or
/// `503`, some of its events may be stored; `index` is that of the first failed one. Repeat the whole batch.
#[derive(Clone)]
pub struct BrokerRoutes {
    path: String,
    settings: Settings,
}

impl BrokerRoutes {
    /// Sets the path below which the routes are, from the root of the site.
    ///
    /// Default: `/v1`. Leading and trailing slashes are ignored.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        self.path = path_prefix(path.as_ref());
        self
    }

    /// Sets a token with all rights, from a secret of the operator. At least 16 bytes, better 32 at random. It is stored
    /// nowhere, and its requests are not limited.
    ///
    /// Default: none, only [`Salver::tokens`] are accepted. A token that is too short is refused in each request, and an
    /// error is logged.
    #[must_use]
    pub fn token(mut self, token: impl AsRef<str>) -> Self {
        self.settings.token = FixedToken::new(token.as_ref());
        self
    }

    /// Asks `validate` before an event of a type is accepted. `Err` refuses it with status 422 and this text, which the
    /// publisher reads.
    ///
    /// Several are asked in the order in which they were set, at most four on a site. Each has 2 seconds; one that does
    /// not answer, or panics, refuses the event with status 503. An event that is known is not validated again.
    ///
    /// The workers of this process ask them too, before they publish the result of a delivery, from when the routes are
    /// served. A worker of another process has its own: [`Worker::validate`](crate::jobs::Worker::validate).
    #[must_use]
    pub fn validate<F>(
        mut self,
        event_type: impl Into<String>,
        validate: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.settings.validators.add(event_type.into(), validate);
        self
    }

    /// Accepts events whose validators do not answer within 2 seconds. Default: they are refused with status 503.
    #[must_use]
    pub fn accept_on_timeout(mut self) -> Self {
        self.settings.validators.accepts_on_timeout = true;
        self
    }

    fn resources(self) -> Vec<Resource> {
        let settings = Data::new(self.settings);
        let path = &self.path;
        let at =
            |name: &str| web::resource(format!("{path}{name}")).app_data(Data::clone(&settings));
        let post = |resource: Resource| allow_only("POST", resource);
        vec![
            post(at("/events").route(web::post().to(events::publish))),
            allow_only(
                "GET, POST",
                at("/endpoints")
                    .route(web::get().to(endpoints::list))
                    .route(web::post().to(endpoints::add)),
            ),
            allow_only(
                "DELETE",
                at("/endpoints/{id}").route(web::delete().to(endpoints::remove)),
            ),
            post(at("/endpoints/{id}/rotate").route(web::post().to(endpoints::rotate))),
            post(at("/endpoints/{id}/enable").route(web::post().to(endpoints::enable))),
            post(at("/endpoints/{id}/disable").route(web::post().to(endpoints::disable))),
            post(at("/endpoints/{id}/replay").route(web::post().to(endpoints::replay))),
            allow_only(
                "GET",
                at("/deliveries").route(web::get().to(deliveries::list)),
            ),
            post(at("/deliveries/{id}/retry").route(web::post().to(deliveries::retry))),
            post(at("/deliveries/{id}/cancel").route(web::post().to(deliveries::cancel))),
            post(at("/notifications").route(web::post().to(notifications::notify))),
            post(at("/messages").route(web::post().to(messages::add))),
            allow_only("GET", at("/openapi.json").route(web::get().to(openapi))),
        ]
    }
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(OPENAPI)
}

impl HttpServiceFactory for BrokerRoutes {
    fn register(self, config: &mut AppService) {
        let Settings {
            salver, validators, ..
        } = &self.settings;
        let served = salver.extension::<ServedValidators>();
        served.set(salver.app(), validators.clone());
        for resource in self.resources() {
            resource.register(config);
        }
    }
}

impl fmt::Debug for BrokerRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerRoutes")
            .field("path", &self.path)
            .field("validators", &self.settings.validators.types())
            .finish_non_exhaustive()
    }
}
