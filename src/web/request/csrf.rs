//! Who may ask: a page of the same origin, as far as a browser says whose page asks. ("Fetch Metadata Request
//! Headers", W3C; "Cross-Site Request Forgery Prevention Cheat Sheet", OWASP.)

use actix_web::HttpRequest;

/// Tells whether a request for a stream is a page's own.
///
/// A form, a frame or an address that is typed in asks for something else than events.
#[cfg(feature = "live")]
pub(crate) fn allows_stream(request: &HttpRequest) -> bool {
    let accept = header(request, "accept").unwrap_or_default();
    accept.contains("text/event-stream") && is_same_origin(request)
}

/// Tells whether the page that asks is of the same origin.
#[cfg(feature = "live")]
fn is_same_origin(request: &HttpRequest) -> bool {
    same_origin(request) == Some(true)
}

/// Tells whether a page of another site asks. What no browser sends says nothing of where it comes from.
pub(crate) fn is_cross_origin(request: &HttpRequest) -> bool {
    same_origin(request) == Some(false)
}

/// Tells whether the page that asks is of the same origin, if a browser says so. Those that do not say name its origin
/// where they send something, and else the page itself.
fn same_origin(request: &HttpRequest) -> Option<bool> {
    if let Some(app_state) = header(request, "sec-fetch-site") {
        return Some(app_state == "same-origin");
    }
    let page = header(request, "origin").or_else(|| header(request, "referer"))?;
    let host = page.split_once("://").map(|(_, rest)| rest);
    let host = host.and_then(|rest| rest.split('/').next());
    Some(host == Some(request.connection_info().host()))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
