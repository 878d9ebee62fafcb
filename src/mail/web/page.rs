//! The HTML of the page by which people unsubscribe.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::mail::unsubscribe::Unsubscribe;
use crate::render::Escaped;

const STYLE: &str = include_str!("page.css");
/// Nothing is loaded and no script runs: the page belongs to people who are not logged in.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// Returns the page that asks whether to unsubscribe.
pub(super) fn ask(unsubscribe: &Unsubscribe) -> HttpResponse {
    let main = format!(
        r#"<h1>Unsubscribe</h1><p>Stop e-mails to <bdi>{}</bdi> about:</p>{}<form method="post"><button>Unsubscribe</button></form>"#,
        Escaped(&address(unsubscribe)),
        kinds(unsubscribe),
    );
    respond(StatusCode::OK, "Unsubscribe", &main)
}

/// Returns the page after unsubscribing. `undo`: what the form that undoes it sends.
pub(super) fn done(unsubscribe: &Unsubscribe, undo: &str) -> HttpResponse {
    let main = format!(
        r#"<h1>You are unsubscribed</h1><p>There are no more e-mails to <bdi>{}</bdi> about:</p>{}<form method="post"><input type="hidden" name="undo" value="{}"><button class="secondary">Undo</button></form>"#,
        Escaped(&address(unsubscribe)),
        kinds(unsubscribe),
        Escaped(undo),
    );
    respond(StatusCode::OK, "You are unsubscribed", &main)
}

/// Returns the page after that was undone.
pub(super) fn undone(unsubscribe: &Unsubscribe) -> HttpResponse {
    let main = format!(
        r#"<h1>E-mails are sent again</h1><p>E-mails to <bdi>{}</bdi> are sent as before.</p><form method="post"><button class="secondary">Unsubscribe</button></form>"#,
        Escaped(&address(unsubscribe)),
    );
    respond(StatusCode::OK, "E-mails are sent again", &main)
}

pub(super) fn invalid() -> HttpResponse {
    let main = "<h1>This link does not work</h1><p>It may have been cut off. Open the link in the e-mail, or copy the whole address.</p>";
    respond(StatusCode::NOT_FOUND, "This link does not work", main)
}

pub(super) fn unavailable() -> HttpResponse {
    let main = "<h1>That did not work</h1><p>Nothing was changed. Try again in a minute.</p>\
                <form method=\"get\"><button>Try again</button></form>";
    respond(StatusCode::SERVICE_UNAVAILABLE, "That did not work", main)
}

/// Returns the address without a line break after the ellipsis.
fn address(unsubscribe: &Unsubscribe) -> String {
    unsubscribe.address.replace('…', "…\u{2060}")
}

fn kinds(unsubscribe: &Unsubscribe) -> String {
    let items = unsubscribe.kinds.iter();
    let items = items.map(|kind| format!("<li><bdi>{}</bdi></li>", Escaped(kind)));
    format!("<ul>{}</ul>", items.collect::<String>())
}

fn respond(status: StatusCode, title: &str, main: &str) -> HttpResponse {
    let html = format!(
        concat!(
            r#"<!doctype html><html lang="en"><head><meta charset="utf-8">"#,
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>"#,
            r#"<body><main>{main}</main></body></html>"#,
        ),
        title = Escaped(title),
        style = STYLE,
        main = main,
    );
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // The address of the page is the permission.
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .body(html)
}
