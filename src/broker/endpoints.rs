//! `/v1/endpoints`: registers, lists and changes endpoints.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use crate::Error;
use crate::broker::settings::Settings;
use crate::broker::tokens::Right;
use crate::broker::{access, body};
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::webhooks::Endpoint;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEndpoint {
    url: String,
    #[serde(default)]
    types: Vec<String>,
    subject: Option<String>,
    #[serde(default)]
    results: Vec<String>,
    rate: Option<u32>,
    /// The operator's own token registers without it, unless the request asks for it.
    #[serde(default)]
    handshake: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Unix milliseconds.
    #[serde(deserialize_with = "body::whole")]
    since: u64,
}

impl NewEndpoint {
    fn endpoint(self, needs_handshake: bool) -> Endpoint {
        let mut endpoint = Endpoint::new(self.url);
        endpoint = endpoint.types(self.types).results(self.results);
        if let Some(subject) = self.subject {
            endpoint = endpoint.subject(subject);
        }
        if let Some(rate) = self.rate {
            endpoint = endpoint.rate(rate);
        }
        match self.handshake || needs_handshake {
            true => endpoint.handshake(),
            false => endpoint,
        }
    }
}

pub(super) async fn add(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    let grant = access::require(&request, &settings, Right::Endpoints).await?;
    let new: NewEndpoint = body::json(&request, payload).await?;
    let endpoint = new.endpoint(!grant.is_operator());
    let (id, secret) = settings.salver.endpoints().add(endpoint).await?;
    Ok(json(
        StatusCode::CREATED,
        json!({ "id": id, "secret": secret }),
    ))
}

pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    let endpoints = settings.salver.endpoints().list().await?;
    Ok(json(StatusCode::OK, json!({ "endpoints": endpoints })))
}

pub(super) async fn remove(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    changed(settings.salver.endpoints().remove(&id).await?)
}

pub(super) async fn enable(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    changed(settings.salver.endpoints().enable(&id).await?)
}

pub(super) async fn disable(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    changed(settings.salver.endpoints().disable(&id).await?)
}

pub(super) async fn rotate(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    let secret = settings.salver.endpoints().rotate(&id).await?;
    let secret = secret.ok_or_else(unknown)?;
    Ok(json(StatusCode::OK, json!({ "secret": secret })))
}

/// Attempts what is dead again.
pub(super) async fn replay(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Endpoints).await?;
    let Replay { since } = body::json(&request, payload).await?;
    let since = OffsetDateTime::from_unix_timestamp_nanos(i128::from(since) * 1_000_000);
    let since = since.map_err(|_| Error::invalid("since", "is beyond the year 9999"))?;
    let endpoints = settings.salver.endpoints().list().await?;
    if !endpoints.iter().any(|endpoint| endpoint.id == *id) {
        return Err(unknown());
    }
    let deliveries = settings.salver.deliveries();
    let replayed = deliveries.replay(&id, since).await?;
    Ok(json(StatusCode::OK, json!({ "replayed": replayed })))
}

fn changed(is_known: bool) -> Result<HttpResponse, Problem> {
    match is_known {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(unknown()),
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such endpoint")
}
