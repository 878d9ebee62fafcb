//! The HTML of the page by which people unsubscribe.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::page_words::PageWords;
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
pub(super) fn ask(words: &PageWords, unsubscribe: &Unsubscribe) -> HttpResponse {
    let title = words.unsubscribe();
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><button>{}</button></form>"#,
        Escaped(&words.ask(unsubscribe)),
        kinds(words, unsubscribe),
        Escaped(&title),
    );
    respond(words, StatusCode::OK, &title, &main)
}

/// Returns the page after unsubscribing. `undo`: what the form that undoes it sends.
pub(super) fn done(words: &PageWords, unsubscribe: &Unsubscribe, undo: &str) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><input type="hidden" name="undo" value="{}"><button class="secondary">{}</button></form>"#,
        Escaped(&words.done(unsubscribe)),
        kinds(words, unsubscribe),
        Escaped(undo),
        Escaped(&words.undo()),
    );
    respond(words, StatusCode::OK, &words.unsubscribed(), &main)
}

/// Returns the page after that was undone.
pub(super) fn undone(words: &PageWords, unsubscribe: &Unsubscribe) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p><form method="post"><button class="secondary">{}</button></form>"#,
        Escaped(&words.sent_again(unsubscribe)),
        Escaped(&words.unsubscribe()),
    );
    respond(words, StatusCode::OK, &words.undone(), &main)
}

pub(super) fn invalid(words: &PageWords) -> HttpResponse {
    let main = format!("<p>{}</p>", Escaped(&words.invalid_help()));
    respond(words, StatusCode::NOT_FOUND, &words.invalid(), &main)
}

pub(super) fn unavailable(words: &PageWords) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p><form method="get"><button>{}</button></form>"#,
        Escaped(&words.failed_help()),
        Escaped(&words.retry()),
    );
    respond(
        words,
        StatusCode::SERVICE_UNAVAILABLE,
        &words.failed(),
        &main,
    )
}

fn kinds(words: &PageWords, unsubscribe: &Unsubscribe) -> String {
    let items = unsubscribe.kinds.iter();
    let items = items.map(|kind| format!("<li><bdi>{}</bdi></li>", Escaped(&words.kind(kind))));
    format!("<ul>{}</ul>", items.collect::<String>())
}

/// `title`: also the heading.
fn respond(words: &PageWords, status: StatusCode, title: &str, main: &str) -> HttpResponse {
    let html = format!(
        concat!(
            r#"<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">"#,
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>"#,
            r#"<body><main><h1>{title}</h1>{main}</main></body></html>"#,
        ),
        language = Escaped(&words.language()),
        direction = Escaped(&words.direction()),
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
