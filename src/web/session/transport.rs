//! Whether the visitor reached the site over TLS, and the cookie name that follows from it.

use actix_web::HttpRequest;

use crate::web::request::headers::RequestHeaders;
use crate::web::session::cookies::{PLAIN_SESSION, SECURE_SESSION};

/// Returns the name of the session cookie for the visitor of this request.
pub(super) fn cookie_name(
    request: &HttpRequest,
    headers: &RequestHeaders<'_>,
    plain_http: bool,
) -> &'static str {
    if !is_tls(request, headers) && (plain_http || is_local(request, headers)) {
        PLAIN_SESSION
    } else {
        SECURE_SESSION
    }
}

/// Returns whether the visitor reached the site over TLS. Uses `connection_info`, which allocates,
/// only behind a proxy.
pub(super) fn is_tls(request: &HttpRequest, headers: &RequestHeaders<'_>) -> bool {
    if headers.is_proxied {
        return request.connection_info().scheme() == "https";
    }
    let scheme = request.uri().scheme_str();
    scheme.map_or_else(|| request.app_config().secure(), |scheme| scheme == "https")
}

/// Returns whether browser and server run on one machine, so that no network lies between
/// them.
fn is_local(request: &HttpRequest, headers: &RequestHeaders<'_>) -> bool {
    if headers.is_proxied {
        return is_loopback(request, request.connection_info().host());
    }
    let host = headers.host.and_then(|host| host.to_str().ok());
    let host = host.or_else(|| Some(request.uri().authority()?.as_str()));
    is_loopback(request, host.unwrap_or_else(|| request.app_config().host()))
}

fn is_loopback(request: &HttpRequest, host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = |ip: std::net::IpAddr| ip.is_loopback();
    let is_local_peer = request.peer_addr().is_some_and(|peer| loopback(peer.ip()));
    is_local_peer && (name == "localhost" || name.parse().is_ok_and(loopback))
}
