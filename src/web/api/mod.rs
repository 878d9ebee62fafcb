//! The JSON API, for pages that render messages themselves: claim, confirm, count.
//!
//! Where the site allows it, a page also adds messages for its own visitor. `openapi.json`
//! describes the API. Error responses follow RFC 9457, "Problem Details for HTTP APIs".

mod add;
pub(crate) mod caller;
mod claim;
mod confirm;
mod count;
pub(crate) mod problem;

use std::future::ready;

use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, JsonConfig};
use actix_web::{HttpResponse, Resource};

/// Maximum size of a request body, in bytes. Stops clients from making the process read large
/// bodies.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// The OpenAPI document of the API.
const OPENAPI: &str = include_str!("openapi.json");

/// Returns the resources of the API, below `path`.
///
/// With `accepts_messages` they include the one that adds messages.
pub(crate) fn resources(path: &str, accepts_messages: bool) -> Vec<Resource> {
    let at = |name: &str| {
        web::resource(format!("{path}/{name}")).app_data(
            JsonConfig::default()
                .limit(MAX_BYTES)
                .error_handler(problem::from_body_error),
        )
    };
    let mut resources = vec![
        allow_only("POST", at("claim").route(web::post().to(claim::claim))),
        allow_only(
            "POST",
            at("confirm").route(web::post().to(confirm::confirm)),
        ),
        allow_only("GET", at("count").route(web::get().to(count::count))),
        allow_only("GET", at("openapi.json").route(web::get().to(openapi))),
    ];
    if accepts_messages {
        resources.push(allow_only(
            "POST",
            at("messages").route(web::post().to(add::add)),
        ));
    }
    resources
}

/// Makes a resource reply 405 with an `Allow` header to all other methods.
pub(crate) fn allow_only(method: &'static str, resource: Resource) -> Resource {
    let method_not_allowed = move || {
        HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, method))
            .finish()
    };
    resource.default_service(web::to(move || ready(method_not_allowed())))
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(OPENAPI)
}
