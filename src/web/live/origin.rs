//! Who may ask: a page of the same origin, as far as a browser says whose page asks. ("Fetch Metadata Request
//! Headers", W3C; "Cross-Site Request Forgery Prevention Cheat Sheet", OWASP.)

use actix_web::HttpRequest;
use actix_web::http::header;

/// Tells whether a request for a stream is a page's own.
///
/// A form, a frame or an address that is typed in asks for something else than events. Browsers that say nothing
/// of whose page asks name its origin where it is another's.
pub(super) fn may_listen(request: &HttpRequest) -> bool {
    let accept = text(request, "accept").unwrap_or_default();
    accept.contains("text/event-stream") && is_own(request).unwrap_or(true)
}

/// Tells whether a request that changes something is a page's own: it has to say so.
pub(super) fn may_change(request: &HttpRequest) -> bool {
    is_own(request).unwrap_or(false)
}

/// Tells whether the page that asks is of the same origin; nothing where the browser does not say.
fn is_own(request: &HttpRequest) -> Option<bool> {
    if let Some(site) = text(request, "sec-fetch-site") {
        return Some(site == "same-origin");
    }
    let origin = text(request, header::ORIGIN.as_str())?;
    let host = origin.split_once("://").map(|(_, host)| host);
    Some(host == Some(request.connection_info().host()))
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
