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
const DESCRIPTION: &str = include_str!("openapi.json");

/// Gives what pages ask for as JSON, below a path.
pub(crate) fn resources(path: &str, takes_messages: bool) -> Vec<Resource> {
    let at = |name: &str| {
        web::resource(format!("{path}/{name}")).app_data(
            JsonConfig::default()
                .limit(MAX_BYTES)
                .error_handler(problem::of_body),
        )
    };
    let mut resources = vec![
        only("POST", at("claim").route(web::post().to(claim::claim))),
        only(
            "POST",
            at("confirm").route(web::post().to(confirm::confirm)),
        ),
        only("GET", at("count").route(web::get().to(count::count))),
        only("GET", at("openapi.json").route(web::get().to(describe))),
    ];
    if takes_messages {
        resources.push(only("POST", at("messages").route(web::post().to(add::add))));
    }
    resources
}

/// Has a resource say which method is meant.
fn only(method: &'static str, resource: Resource) -> Resource {
    let refused = move || {
        HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, method))
            .finish()
    };
    resource.default_service(web::to(move || ready(refused())))
}

async fn describe() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(DESCRIPTION)
}
