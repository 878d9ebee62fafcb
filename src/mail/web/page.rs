//! The HTML of the page by which people unsubscribe.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::document::{list, respond};
use crate::mail::web::page_words::PageWords;
use crate::mail::web::shown::Shown;
use crate::render::Escaped;

/// Returns the page that asks whether to unsubscribe.
pub(super) fn ask(words: &PageWords, shown: &Shown<'_>) -> HttpResponse {
    let title = words.unsubscribe();
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><button class="salver-primary">{}</button></form>"#,
        Escaped(&words.ask(shown)),
        names(words, shown),
        Escaped(&title),
    );
    respond(words, StatusCode::OK, &title, &main)
}

/// Returns the page after unsubscribing. `undo`: what the form that undoes it sends.
pub(super) fn done(words: &PageWords, shown: &Shown<'_>, undo: &str) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><input type="hidden" name="undo" value="{}"><button>{}</button></form>"#,
        Escaped(&words.done(shown)),
        names(words, shown),
        Escaped(undo),
        Escaped(&words.undo()),
    );
    respond(words, StatusCode::OK, &words.unsubscribed(), &main)
}

/// Returns the page of a link of which nothing is left to unsubscribe from.
pub(super) fn ended(words: &PageWords, unsubscribe: &Unsubscribe) -> HttpResponse {
    let main = format!("<p>{}</p>", Escaped(&words.ended(unsubscribe)));
    respond(words, StatusCode::OK, &words.unsubscribed(), &main)
}

/// Returns the page after that was undone.
pub(super) fn undone(words: &PageWords, unsubscribe: &Unsubscribe) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p><form method="post"><button>{}</button></form>"#,
        Escaped(&words.sent_again(unsubscribe)),
        Escaped(&words.unsubscribe()),
    );
    respond(words, StatusCode::OK, &words.undone(), &main)
}

fn names(words: &PageWords, shown: &Shown<'_>) -> String {
    let kinds = shown.unsubscribe.kinds.iter().map(|kind| words.kind(kind));
    list(kinds.chain(shown.subscriptions.iter().cloned()))
}
