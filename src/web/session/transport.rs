//! Whether the visitor reached the site over TLS, and whether its cookies need that.

use actix_web::HttpRequest;

use crate::web::request::headers::{RequestHeaders, is_loopback};

/// Returns whether the cookies for the visitor of this request need TLS.
pub(crate) fn needs_tls(request: &HttpRequest, headers: &RequestHeaders, plain_http: bool) -> bool {
    is_tls(request, headers) || !(plain_http || is_local(request, headers))
}

/// Returns whether the visitor reached the site over TLS. Uses `connection_info`, which allocates,
/// only behind a proxy.
pub(super) fn is_tls(request: &HttpRequest, headers: &RequestHeaders) -> bool {
    if headers.is_proxied {
        return request.connection_info().scheme() == "https";
    }
    let scheme = request.uri().scheme_str();
    scheme.map_or_else(|| request.app_config().secure(), |scheme| scheme == "https")
}

/// Returns whether browser and server run on one machine, so that no network lies between
/// them.
fn is_local(request: &HttpRequest, headers: &RequestHeaders) -> bool {
    let is_local_peer = || {
        let peer = request.peer_addr();
        peer.is_some_and(|peer| peer.ip().is_loopback())
    };
    let is_local_host = match headers.is_loopback_host {
        _ if headers.is_proxied => is_loopback(request.connection_info().host()),
        Some(is_loopback) => is_loopback,
        None => {
            let authority = request.uri().authority();
            let host = authority.map(|authority| authority.as_str());
            is_loopback(host.unwrap_or_else(|| request.app_config().host()))
        }
    };
    is_local_host && is_local_peer()
}
