//! The HTML document of the pages that links in mails open.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::mail::web::page_words::PageWords;
use crate::render::{BASE, Escaped};

/// Nothing is loaded and no script runs: the page belongs to people who are not logged in.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(BASE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

pub(super) fn invalid(words: &PageWords) -> HttpResponse {
    let main = format!("<p>{}</p>", Escaped(&words.invalid_help()));
    respond(words, StatusCode::NOT_FOUND, &words.invalid(), &main)
}

pub(super) fn unavailable(words: &PageWords) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p><form method="get"><button class="salver-primary">{}</button></form>"#,
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

/// Returns a list of names.
pub(super) fn list(names: impl Iterator<Item = String>) -> String {
    let items = names.map(|name| format!("<li><bdi>{}</bdi></li>", Escaped(&name)));
    format!("<ul>{}</ul>", items.collect::<String>())
}

/// `title`: also the heading. `main`: HTML.
pub(super) fn respond(
    words: &PageWords,
    status: StatusCode,
    title: &str,
    main: &str,
) -> HttpResponse {
    let html = format!(
        concat!(
            r#"<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">"#,
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>"#,
            r#"<body class="salver-page"><main class="salver-narrow"><h1>{title}</h1>{main}</main></body></html>"#,
        ),
        language = Escaped(&words.language()),
        direction = Escaped(&words.direction()),
        title = Escaped(title),
        style = BASE,
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
