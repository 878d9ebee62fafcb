//! `/v1/deliveries`: lists, retries and cancels deliveries.

use actix_web::http::StatusCode;
use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::collections::HashMap;

use crate::Error;
use crate::broker::access;
use crate::broker::settings::Settings;
use crate::broker::tokens::Right;
use crate::jobs::{Delivery, DeliveryState};
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;

/// Lists deliveries of a state, by pages.
pub(super) async fn list(
    request: HttpRequest,
    query: Query<HashMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Deliveries).await?;
    let state = match query.get("state").map(String::as_str) {
        None | Some("waiting") => DeliveryState::Waiting,
        Some("leased") => DeliveryState::Leased,
        Some("dead") => DeliveryState::Dead,
        Some(_) => {
            return Err(Error::invalid("state", "is none of waiting, leased, dead").into());
        }
    };
    let after = query.get("after").map(|after| {
        let place = place(state, after);
        place.ok_or_else(|| Error::invalid("after", "is not the `next` of a page"))
    });
    let after = after.transpose()?;
    let deliveries = settings.salver.deliveries();
    let listed = deliveries.list(state, after.as_ref()).await?;
    let next = listed.last().map(cursor);
    Ok(json(
        StatusCode::OK,
        json!({ "deliveries": listed, "next": next }),
    ))
}

/// Attempts a delivery at once.
pub(super) async fn retry(request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Deliveries).await?;
    changed(settings.salver.deliveries().retry(&id).await?)
}

/// Cancels a delivery.
pub(super) async fn cancel(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let settings = Settings::of(&request)?;
    access::require(&request, &settings, Right::Deliveries).await?;
    changed(settings.salver.deliveries().cancel(&id).await?)
}

fn changed(has_changed: bool) -> Result<HttpResponse, Problem> {
    match has_changed {
        true => Ok(HttpResponse::NoContent().finish()),
        false => {
            let detail = "no delivery of this id waits or is dead";
            Err(Problem::new(StatusCode::NOT_FOUND, detail))
        }
    }
}

/// Returns the place after a delivery, for the next page.
fn cursor(last: &Delivery) -> String {
    format!("{}.{}.{}", last.channel, last.time, last.id)
}

fn place(state: DeliveryState, cursor: &str) -> Option<Delivery> {
    let mut parts = cursor.splitn(3, '.');
    let (channel, time, id) = (parts.next()?, parts.next()?, parts.next()?);
    Delivery::place(state, channel, time.parse().ok()?, id.to_owned())
}
