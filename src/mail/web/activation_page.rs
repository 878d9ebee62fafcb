//! The HTML of the page that activates a subscription.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::mail::web::document::{list, respond};
use crate::mail::web::page_words::PageWords;
use crate::render::Escaped;
use crate::site::Site;

/// The name of the button that requests another mail.
pub(super) const AGAIN: &str = "again";

/// What the page shows about a link.
pub(super) struct Shown {
    /// The masked address of the recipient, isolated.
    pub(super) address: String,
    /// What the subscription is for.
    pub(super) subscription: String,
}

impl Shown {
    fn list(&self) -> String {
        list(std::iter::once(self.subscription.clone()))
    }
}

/// Returns the page that asks whether to activate.
pub(super) fn ask(words: &PageWords, shown: &Shown) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><button class="salver-primary">{}</button></form>"#,
        Escaped(&words.ask_activation(&shown.address)),
        shown.list(),
        Escaped(&words.activate()),
    );
    let title = words.activate_subscription();
    respond(words, StatusCode::OK, &title, &main)
}

/// Returns the page of a subscription that is active. `unsubscribe`: the path of the page that ends it.
pub(super) fn active(words: &PageWords, shown: &Shown, unsubscribe: &str) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p>{}<form method="get" action="{}"><button>{}</button></form>"#,
        Escaped(&words.activated_for(&shown.address)),
        shown.list(),
        Escaped(unsubscribe),
        Escaped(&words.unsubscribe()),
    );
    respond(words, StatusCode::OK, &words.activated(), &main)
}

/// Returns the page of a link that works no more.
pub(super) fn expired(words: &PageWords, shown: &Shown) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p>{}<form method="post"><button class="salver-primary" name="{AGAIN}" value="1">{}</button></form>"#,
        Escaped(&words.expired_help(&shown.address)),
        shown.list(),
        Escaped(&words.send_again()),
    );
    respond(words, StatusCode::GONE, &words.expired(), &main)
}

/// Returns the page after another mail was requested.
pub(super) fn sent(words: &PageWords, shown: &Shown) -> HttpResponse {
    let main = format!(
        "<p>{}</p>{}<p>{}</p>",
        Escaped(&words.sent_to(&shown.address)),
        shown.list(),
        Escaped(&words.sent_help()),
    );
    respond(words, StatusCode::OK, &words.sent(), &main)
}

/// Returns the page of a link whose subscription is not known any more.
pub(super) fn unknown(words: &PageWords, site: &Site) -> HttpResponse {
    let main = format!(
        r#"<p>{}</p><p><a href="{}">{}</a></p>"#,
        Escaped(&words.unknown_help(site.host())),
        Escaped(site.url().as_str()),
        Escaped(site.host()),
    );
    respond(words, StatusCode::GONE, &words.expired(), &main)
}
