//! The request headers that Salver uses, read in one pass for each request: a lookup for each of
//! them costs more.

use std::net::IpAddr;

use actix_web::HttpRequest;

use crate::web::session::cookies::{CookieSettings, Cookies};

/// Header values of a request whose response a browser or a crawler does not show to the visitor, or
/// not yet.
const SPECULATIVE: [&str; 4] = ["prefetch", "prerender", "preview", "instant"];
/// Values of `Sec-Fetch-Dest` for which the response may be a page. Others, such as an image or a
/// script, show no messages.
const PAGE_DESTINATIONS: [&str; 4] = ["document", "iframe", "frame", "empty"];

/// The request headers that Salver uses.
#[derive(Default)]
pub(crate) struct RequestHeaders {
    /// Whether the response is not displayed as a page, or not yet: a prefetch, an image, a script.
    pub(crate) is_speculative: bool,
    /// Whether a proxy reports the scheme or host of the visitor's request.
    pub(crate) is_proxied: bool,
    /// Whether htmx or Turbo sent the request, perhaps for a partial.
    pub(crate) is_partial_request: bool,
    /// Whether a script sent the request and may use only a part of the response, which part the
    /// request does not tell: jQuery, Unpoly, and libraries that set the same header.
    pub(crate) is_fragment_request: bool,
    pub(crate) has_cookies: bool,
    pub(crate) cookies: Cookies,
    /// Whether the `Host` header names this machine; `None` without the header.
    pub(crate) is_loopback_host: Option<bool>,
}

impl RequestHeaders {
    pub(crate) fn of(request: &HttpRequest, cookies: &CookieSettings) -> Self {
        let mut headers = Self::default();
        for (name, value) in request.headers() {
            match name.as_str() {
                "cookie" => {
                    headers.has_cookies = true;
                    headers.cookies.parse(value.as_bytes(), cookies);
                }
                "host" => {
                    let is_loopback = || value.to_str().is_ok_and(is_loopback);
                    headers.is_loopback_host.get_or_insert_with(is_loopback);
                }
                "forwarded" | "x-forwarded-proto" | "x-forwarded-host" => headers.is_proxied = true,
                "sec-fetch-dest" => headers.is_speculative |= !is_page(value.as_bytes()),
                "hx-request" | "turbo-frame" => headers.is_partial_request = true,
                "x-up-version" | "x-pjax" => headers.is_fragment_request = true,
                // A web view of Android sends the name of its app.
                "x-requested-with" => {
                    headers.is_fragment_request |=
                        value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest");
                }
                // The preload extension of htmx uses its own header.
                "hx-preloaded" => headers.is_speculative = true,
                // A speculation rule set a tag for its requests.
                "sec-speculation-tags" => headers.is_speculative = true,
                // Headers of current and older browsers.
                "sec-purpose" | "x-sec-purpose" | "purpose" | "x-purpose" | "x-moz"
                | "sec-fetch-purpose" => {
                    headers.is_speculative |= SPECULATIVE
                        .iter()
                        .any(|purpose| contains(value.as_bytes(), purpose));
                }
                _ => {}
            }
        }
        headers
    }
}

/// Returns whether a host, perhaps with a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn is_page(destination: &[u8]) -> bool {
    let is_destination = |page: &&str| destination.eq_ignore_ascii_case(page.as_bytes());
    destination.is_empty() || PAGE_DESTINATIONS.iter().any(is_destination)
}

/// Returns whether a value contains a text, ignoring ASCII case.
fn contains(value: &[u8], text: &str) -> bool {
    let mut windows = value.windows(text.len());
    windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}
