//! What the headers of a request say to Salver, read in one go: to look each of them up costs more than to walk
//! over all.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

use crate::web::session::cookies::Cookies;

/// What a header says where a browser fetches a page that nobody looks at yet.
const SPECULATIVE: [&str; 2] = ["prefetch", "prerender"];
/// What a page may be fetched for; anything else (an image, a script) shows no messages.
const PAGE_DESTINATIONS: [&str; 4] = ["document", "iframe", "frame", "empty"];

/// The headers that somebody asks for.
#[derive(Default)]
pub(crate) struct RequestHeaders<'a> {
    /// Whether nobody looks at the page, or not yet.
    pub(crate) is_speculative: bool,
    /// Whether a proxy says how the visitor reached it.
    pub(crate) is_proxied: bool,
    /// Whether htmx or Turbo asks, perhaps for a part of a page.
    pub(crate) is_partial_request: bool,
    pub(crate) has_cookies: bool,
    pub(crate) cookies: Cookies<'a>,
    pub(crate) host: Option<&'a HeaderValue>,
}

impl<'a> RequestHeaders<'a> {
    pub(crate) fn of(request: &'a HttpRequest) -> Self {
        let mut headers = Self::default();
        for (name, value) in request.headers() {
            match name.as_str() {
                "cookie" => {
                    headers.has_cookies = true;
                    headers.cookies.parse(value.as_bytes());
                }
                "host" => headers.host = headers.host.or(Some(value)),
                "forwarded" | "x-forwarded-proto" | "x-forwarded-host" => headers.is_proxied = true,
                "sec-fetch-dest" => headers.is_speculative |= !is_page(value.as_bytes()),
                "hx-request" | "turbo-frame" => headers.is_partial_request = true,
                // htmx asks ahead by a header of its own.
                "hx-preloaded" => headers.is_speculative = true,
                // Browsers, past and present.
                "sec-purpose" | "x-sec-purpose" | "purpose" | "x-moz" => {
                    headers.is_speculative |= SPECULATIVE
                        .iter()
                        .any(|word| contains(value.as_bytes(), word));
                }
                _ => {}
            }
        }
        headers
    }
}

fn is_page(destination: &[u8]) -> bool {
    let is = |page: &&str| destination.eq_ignore_ascii_case(page.as_bytes());
    destination.is_empty() || PAGE_DESTINATIONS.iter().any(is)
}

/// Tells whether a word stands somewhere in a value, in letters of any case.
fn contains(value: &[u8], word: &str) -> bool {
    let mut windows = value.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
