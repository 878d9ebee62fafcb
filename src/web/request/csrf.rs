//! Origin checks: whether the requesting page has the same origin, as far as the browser reports
//! it. ("Fetch Metadata Request Headers", W3C; "Cross-Site Request Forgery Prevention Cheat Sheet",
//! OWASP.)

use actix_web::HttpRequest;
use url::Url;

/// Returns whether a request may open a stream: it accepts `text/event-stream` and comes from a
/// page of the same origin.
///
/// A form, a frame or a typed URL does not accept `text/event-stream`.
#[cfg(feature = "live")]
pub(crate) fn allows_stream(request: &HttpRequest) -> bool {
    let accept = header(request, "accept").unwrap_or_default();
    accept.contains("text/event-stream") && is_same_origin(request)
}

/// Returns whether the requesting page certainly has the same origin.
#[cfg(feature = "live")]
fn is_same_origin(request: &HttpRequest) -> bool {
    same_origin(request) == Some(true)
}

/// Returns whether a page of another origin sent the request. A request without origin information,
/// as from a client that is not a browser, is not cross-origin.
pub(crate) fn is_cross_origin(request: &HttpRequest) -> bool {
    same_origin(request) == Some(false)
}

/// Returns whether a page of another site sent the request. Browsers without `Sec-Fetch-Site` do not
/// tell another origin of the same site apart.
pub(crate) fn is_cross_site(request: &HttpRequest) -> bool {
    match header(request, "sec-fetch-site") {
        Some(site) => site == "cross-site",
        None => is_cross_origin(request),
    }
}

/// Returns whether the requesting page has the same origin; `None` without information. Browsers
/// without `Sec-Fetch-Site` send `Origin` with requests that carry data, and `Referer` with others.
fn same_origin(request: &HttpRequest) -> Option<bool> {
    if let Some(site) = header(request, "sec-fetch-site") {
        return Some(site == "same-origin");
    }
    let page = header(request, "origin").or_else(|| header(request, "referer"))?;
    Some(has_host(page, request.connection_info().host()).unwrap_or(false))
}

/// Returns whether a URL leads to this host and port. `None` if either cannot be parsed, as the
/// origin `null` of a sandboxed frame.
fn has_host(url: &str, host: &str) -> Option<bool> {
    let url = Url::parse(url).ok()?;
    // The scheme of the URL decides which port may be left out. Behind a proxy, the scheme of the
    // request may be another one.
    let site = Url::parse(&format!("{}://{host}", url.scheme())).ok()?;
    let port = Url::port_or_known_default;
    Some(url.host().is_some() && url.host() == site.host() && port(&url) == port(&site))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
