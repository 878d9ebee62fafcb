//! Messages as JSON, for pages that draw themselves: what is pending, the page's word that it is shown, how many there
//! are, and, where the site allows it, a message to oneself.
//!
//! `openapi.json` describes it; what is wrong is told as in RFC 9457, "Problem Details for HTTP APIs".

mod add;
mod caller;
mod claim;
mod confirm;
mod count;
mod problem;

use std::future::ready;

use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, JsonConfig};
use actix_web::{HttpResponse, Resource};

/// Most bytes of one request. Stops strangers from having the process read what is none.
const MAX_BYTES: usize = 16 * 1024;

/// What describes all this: an OpenAPI document.
const OPENAPI: &str = include_str!("openapi.json");

/// Gives what pages ask for as JSON, below a path.
pub(crate) fn resources(path: &str, takes_messages: bool) -> Vec<Resource> {
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
    if takes_messages {
        resources.push(allow_only(
            "POST",
            at("messages").route(web::post().to(add::add)),
        ));
    }
    resources
}

/// Has a resource say which method is meant.
fn allow_only(method: &'static str, resource: Resource) -> Resource {
    let refused = move || {
        HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, method))
            .finish()
    };
    resource.default_service(web::to(move || ready(refused())))
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(OPENAPI)
}
