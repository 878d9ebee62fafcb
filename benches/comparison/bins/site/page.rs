//! The page, the same 1024 bytes in every mode while nothing is pending.

use actix_web::HttpResponse;
use actix_web::http::header::{ContentType, LOCATION};

const PAGE: &str = include_str!("page.html");
const SLOT: &str = "<salver-messages>";
const _: () = assert!(PAGE.len() == 1024);

/// Responds with the page and its empty slot.
pub(crate) fn empty() -> HttpResponse {
    html().body(PAGE)
}

/// Responds with the page and the messages in its slot.
pub(crate) fn with<T: AsRef<str>>(messages: impl Iterator<Item = T>) -> HttpResponse {
    let mut rendered = String::new();
    for text in messages {
        rendered.extend([r#"<p role="status">"#, text.as_ref(), "</p>"]);
    }
    match PAGE.split_once(SLOT) {
        Some((before, after)) if !rendered.is_empty() => {
            html().body([before, SLOT, &rendered, after].concat())
        }
        _ => empty(),
    }
}

/// Responds to a form with a redirect to the page.
pub(crate) fn see_other() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/page"))
        .finish()
}

fn html() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::html());
    response
}
