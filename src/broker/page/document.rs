//! The HTML document of the page, and what its responses have in common.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use crate::broker::page::settings::PageSettings;
use crate::render::{BASE, Escaped};
use crate::web::api::problem::Problem;
use crate::web::assets::Asset;

/// The stylesheet of the page.
pub(super) static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let content = [BASE, include_str!("page.css")].concat();
    Asset::new("broker", "css", "text/css; charset=utf-8", content)
});

/// No script runs, and nothing is loaded but the stylesheet.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the headers of all responses of the page.
fn with_headers(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Not `no-referrer`: browsers then send no origin with a form, by which it is checked.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}

/// Returns the start of a response with a page.
pub(super) fn page(status: StatusCode) -> HttpResponseBuilder {
    let mut response = with_headers(HttpResponse::build(status));
    response.content_type(ContentType::html());
    response
}

/// Returns the start of the redirect to the page.
pub(super) fn see_home(settings: &PageSettings) -> HttpResponseBuilder {
    let mut response = with_headers(HttpResponse::SeeOther());
    response.insert_header((header::LOCATION, settings.home()));
    response
}

/// Returns the HTML of a page. `title`: plain text. `body`: HTML with one `<main>`.
pub(super) fn html(settings: &PageSettings, title: &str, body: &str) -> String {
    format!(
        concat!(
            r#"<!doctype html><html lang="en"><head><meta charset="utf-8">"#,
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">"#,
            r#"<title>{title}</title><link rel="stylesheet" href="{base}/{css}"></head><body class="salver-page">{body}</body></html>"#,
        ),
        title = Escaped(title),
        base = Escaped(&settings.base),
        css = CSS.file_name(),
        body = body,
    )
}

/// Returns the response of a route, or the page for a failure.
pub(super) fn respond(
    settings: &PageSettings,
    response: Result<HttpResponse, Problem>,
) -> HttpResponse {
    response.unwrap_or_else(|problem| failed(settings, &problem))
}

fn failed(settings: &PageSettings, problem: &Problem) -> HttpResponse {
    let status = problem.status_code();
    let title = match status {
        StatusCode::SERVICE_UNAVAILABLE => "The broker cannot be shown now",
        StatusCode::FORBIDDEN => "The form is of another site",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        _ => "This did not work",
    };
    let text = match status.is_server_error() {
        true => {
            "The store of the broker does not reply as it should. The log of the broker says why."
                .to_owned()
        }
        false => format!("Nothing was changed: {problem}."),
    };
    let body = format!(
        r#"<main class="salver-narrow"><h1>{}</h1><p role="alert">{}</p><form method="get" action="{}"><button>Retry</button></form></main>"#,
        Escaped(title),
        Escaped(&text),
        Escaped(settings.home()),
    );
    let mut response = page(status);
    let headers = problem.error_response();
    if let Some(seconds) = headers.headers().get(header::RETRY_AFTER) {
        response.insert_header((header::RETRY_AFTER, seconds.clone()));
    }
    response.body(html(settings, title, &body))
}
