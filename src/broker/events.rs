//! `POST /v1/events`: publishes events.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::broker::access;
use crate::broker::binding;
use crate::broker::limits::MAX_CONCURRENT_PUBLISHES;
use crate::broker::settings::Settings;
use crate::broker::tokens::{Grant, Right};
use crate::broker::validators::validate;
use crate::events::{Event, PreparedEvent, result_sources};
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::{Error, Salver};

/// Publishes the events of a request, and replies when all are stored. None is published if one of them is invalid,
/// forbidden or refused.
pub(super) async fn publish(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    let grant = access::require(&request, &settings, Right::Publish).await?;
    let (events, is_batch) = binding::read(&request, payload).await?;
    let located = |index: usize, problem: Problem| match is_batch {
        true => problem.with_index(index),
        false => problem,
    };
    let checks = events.iter().enumerate().map(|(index, event)| {
        let (settings, grant) = (&settings, &grant);
        async move {
            check(settings, grant, event)
                .await
                .map_err(|problem| (index, problem))
        }
    });
    let mut checks = stream::iter(checks).buffered(MAX_CONCURRENT_PUBLISHES);
    let mut prepared = Vec::with_capacity(events.len());
    while let Some(checked) = checks.next().await {
        prepared.push(checked.map_err(|(index, problem)| located(index, problem))?);
    }
    drop(checks);
    let ids: Vec<_> = events
        .iter()
        .map(|event| event.get_id().to_owned())
        .collect();
    publish_all(&settings.salver, prepared)
        .await
        .map_err(|(index, error)| located(index, error.into()))?;
    Ok(json(StatusCode::ACCEPTED, json!({ "ids": ids })))
}

/// Checks all that may refuse an event, so that a batch is refused before any of its events is stored.
async fn check(
    settings: &Settings,
    grant: &Grant,
    event: &Event,
) -> Result<PreparedEvent, Problem> {
    let (salver, source) = (&settings.salver, event.get_source().unwrap_or_default());
    if !grant.allows_source(source) {
        let detail = "the token publishes events of other sources";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if source.starts_with(&result_sources(salver.app())) {
        let detail = "only results of deliveries have such a source";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let prepared = PreparedEvent::new(salver, event)?;
    validate(&settings.validators, salver, event, &prepared).await?;
    Ok(prepared)
}

/// Publishes all events, also after a failure. Returns the failure that a repeat may mend, else the first one.
async fn publish_all(salver: &Salver, events: Vec<PreparedEvent>) -> Result<(), (usize, Error)> {
    let published = events
        .into_iter()
        .enumerate()
        .map(|(index, event)| async move {
            let published = event.publish(salver).await;
            published.map_err(|error| (index, error.with_operation("publish")))
        });
    let published: Vec<_> = stream::iter(published)
        .buffered(MAX_CONCURRENT_PUBLISHES)
        .collect()
        .await;
    let accepted = published.iter().filter(|published| published.is_ok());
    salver.count_accepted(accepted.count() as u64);
    let failures = published.into_iter().filter_map(Result::err);
    let worst = failures.min_by_key(|(index, error)| (error.is_conflict(), *index));
    worst.map_or(Ok(()), Err)
}
