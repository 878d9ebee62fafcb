//! The forms of the page: each changes one thing, and leads back to the page.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use crate::Salver;
use crate::broker::page::caller::{self, require_same_origin};
use crate::broker::page::document::{html, page, respond, see_home};
use crate::broker::page::endpoints::{action_path, address};
use crate::broker::page::outcome::Outcome;
use crate::broker::page::settings::PageSettings;
use crate::render::Escaped;
use crate::web::api::problem::Problem;

/// Performs an action on an endpoint.
pub(super) async fn change_endpoint(
    request: HttpRequest,
    path: Path<(String, String)>,
    settings: Data<PageSettings>,
) -> HttpResponse {
    let (id, action) = path.into_inner();
    let change = async |salver: Salver| {
        let endpoints = salver.endpoints();
        let (is_known, outcome) = match action.as_str() {
            "enable" => (endpoints.enable(&id).await?, Outcome::Enabled),
            "disable" => (endpoints.disable(&id).await?, Outcome::Disabled),
            "replay" => {
                let since = OffsetDateTime::UNIX_EPOCH;
                let replayed = salver.deliveries().replay(&id, since).await?;
                (true, Outcome::Replayed(replayed))
            }
            _ => return Err(unknown()),
        };
        match is_known {
            true => Ok(outcome),
            false => Ok(Outcome::NoEndpoint),
        }
    };
    perform(&request, &settings, change).await
}

/// Removes an endpoint.
pub(super) async fn remove(
    request: HttpRequest,
    id: Path<String>,
    settings: Data<PageSettings>,
) -> HttpResponse {
    let remove = async |salver: Salver| match salver.endpoints().remove(&id).await? {
        true => Ok(Outcome::Removed),
        false => Ok(Outcome::NoEndpoint),
    };
    perform(&request, &settings, remove).await
}

/// Performs an action on a delivery.
pub(super) async fn change_delivery(
    request: HttpRequest,
    path: Path<(String, String)>,
    settings: Data<PageSettings>,
) -> HttpResponse {
    let (id, action) = path.into_inner();
    let change = async |salver: Salver| {
        let deliveries = salver.deliveries();
        let (changed, outcome) = match action.as_str() {
            "retry" => (deliveries.retry(&id).await, Outcome::Retried),
            "cancel" => (deliveries.cancel(&id).await, Outcome::Cancelled),
            _ => return Err(unknown()),
        };
        match changed {
            Ok(true) => Ok(outcome),
            Ok(false) => Ok(Outcome::NoDelivery),
            // An id of another form.
            Err(error) if error.is_invalid() => Ok(Outcome::NoDelivery),
            Err(error) => Err(error.into()),
        }
    };
    perform(&request, &settings, change).await
}

/// Performs an action for an operator, and returns the response with its outcome.
async fn perform(
    request: &HttpRequest,
    settings: &PageSettings,
    action: impl AsyncFnOnce(Salver) -> Result<Outcome, Problem>,
) -> HttpResponse {
    let outcome = async {
        require_same_origin(request)?;
        match caller::find(request, settings).await? {
            Some(token) => {
                let salver = settings.broker.salver.clone();
                let (app, by, path) = (salver.app(), &token.id, request.path());
                tracing::info!(app, by, path, "an operator changes the broker by its page");
                action(salver.clone()).await
            }
            None => Ok(Outcome::SessionEnded),
        }
    };
    let response = outcome.await;
    respond(
        settings,
        response.map(|outcome| outcome.respond(request, settings)),
    )
}

/// Asks whether to remove an endpoint. Changes nothing.
pub(super) async fn ask_to_remove(
    request: HttpRequest,
    id: Path<String>,
    settings: Data<PageSettings>,
) -> HttpResponse {
    let response = async {
        if caller::find(&request, &settings).await?.is_none() {
            return Ok(see_home(&settings).finish());
        }
        let all = settings.broker.salver.endpoints().list().await?;
        let Some(endpoint) = all.iter().find(|endpoint| endpoint.id == *id) else {
            return Ok(Outcome::NoEndpoint.respond(&request, &settings));
        };
        let title = "Remove the endpoint?";
        let body = format!(
            concat!(
                r#"<main class="salver-narrow"><h1>{title}</h1><p><bdi>{address}</bdi></p>"#,
                r#"<p>It gets no more events. Deliveries that wait are cancelled. Its secret is lost: to register it again creates another one.</p>"#,
                r#"<div class="salver-row"><form method="post" action="{remove}"><button class="danger">Remove</button></form>"#,
                r#"<form method="get" action="{home}"><button>Keep</button></form></div></main>"#,
            ),
            title = title,
            address = Escaped(&address(endpoint)),
            remove = Escaped(&action_path(&settings, &id, "remove")),
            home = Escaped(settings.home()),
        );
        Ok(page(StatusCode::OK).body(html(&settings, title, &body)))
    };
    respond(&settings, response.await)
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such action")
}
