//! `GET /`: all that an operator sees.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::broker::page::document::{html, page, respond};
use crate::broker::page::outcome::Outcome;
use crate::broker::page::settings::PageSettings;
use crate::broker::page::snapshot::Snapshot;
use crate::broker::page::{caller, dead_deliveries, endpoints, login, plot, queues};
use crate::render::Escaped;
use crate::web::api::problem::Problem;

/// Shows the page, or the form by which an operator logs in. Changes nothing.
pub(super) async fn show(request: HttpRequest, settings: Data<PageSettings>) -> HttpResponse {
    respond(&settings, show_or_fail(&request, &settings).await)
}

async fn show_or_fail(
    request: &HttpRequest,
    settings: &PageSettings,
) -> Result<HttpResponse, Problem> {
    let caller = caller::find(request, settings).await?;
    let (outcome, removal) = Outcome::take(request, settings).unzip();
    let body = match caller {
        Some(_) => {
            let snapshot = Snapshot::read(&settings.broker.salver).await?;
            render(&snapshot, settings, outcome)
        }
        None => login::form(settings, outcome, None),
    };
    // The title is what assistive technology reads first on a new page.
    let title = match outcome {
        Some(outcome) => format!("{} {}", outcome.text(), settings.title()),
        None => settings.title(),
    };
    let mut response = page(StatusCode::OK);
    if let Some(removal) = removal {
        response.cookie(removal);
    }
    Ok(response.body(html(settings, &title, &body)))
}

fn render(snapshot: &Snapshot, settings: &PageSettings, outcome: Option<Outcome>) -> String {
    let outcome = outcome.map_or_else(String::new, |outcome| outcome.text());
    format!(
        concat!(
            r#"<main><header><h1>{title}</h1><div class="salver-row"><form method="get" action="{home}"><button>Reload</button></form>"#,
            r#"<form method="post" action="{base}/logout"><button>Log out</button></form></div></header>"#,
            r#"<p role="status">{outcome}</p>{plot}{queues}{endpoints}{dead}</main>"#,
        ),
        title = Escaped(&settings.title()),
        home = Escaped(settings.home()),
        base = Escaped(&settings.base),
        outcome = Escaped(&outcome),
        plot = plot::section(&settings.broker.salver.activity()),
        queues = queues::section(&snapshot.queues),
        endpoints = endpoints::section(settings, &snapshot.endpoints),
        dead = dead_deliveries::section(settings, snapshot),
    )
}
