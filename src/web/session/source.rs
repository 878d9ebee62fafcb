//! How the session of a request is found.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use crate::SessionId;
use crate::web::request::headers::RequestHeaders;
#[cfg(feature = "actix-session")]
use crate::web::session::issuer::SESSION_KEY;
use crate::web::session::issuer::SessionIssuer;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::token::Token;
use crate::web::session::transport::{cookie_name, is_tls};

type Find = dyn Fn(&HttpRequest) -> Option<SessionId>;

/// How the middleware finds the session of a request.
///
/// Passed to [`Middleware::session`](crate::web::Middleware::session).
///
/// | source | where the session comes from | can create, renew and close sessions |
/// |---|---|---|
/// | [`cookie`](Self::cookie) (default) | a token in Salver's own cookie | yes |
/// | [`header`](Self::header) | a secret in a request header | no |
/// | `actix_session`, with the feature `actix-session` | a token in a session of that crate | yes |
/// | a closure | the closure returns the [`SessionId`] | no |
///
/// With a source that cannot create sessions, [`Messages::renew`](crate::Messages::renew) and
/// [`Messages::close_session`](crate::Messages::close_session) return an
/// [`is_invalid`](crate::Error::is_invalid) error for a visitor with a session. For a visitor
/// without one, an add returns it.
///
/// # The cookie
///
/// The value is a random token of 256 bits. The session id is derived from it, so the store never
/// receives the token. The cookie is `HttpOnly`, `SameSite=Lax`, and lasts until the browser
/// session ends.
///
/// | connection | name | `Secure` |
/// |---|---|---|
/// | TLS | `__Host-salver` | yes |
/// | plain HTTP, between a browser and a server on one machine | `salver` | no |
/// | plain HTTP elsewhere, with [`plain_http`][plain_http] | `salver` | no |
/// | plain HTTP elsewhere | `__Host-salver`, which browsers do not store | yes |
///
/// A visitor without a session receives the cookie when a handler adds a message or requests a
/// [`context`](crate::Messages::context). Reading messages never sets it.
///
/// [plain_http]: crate::web::Middleware::plain_http
///
/// # Examples
///
/// A closure finds the session id by itself:
///
/// ```
/// use salver::{Salver, SessionId};
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// // For tests: every request has the session `ada`.
/// let middleware = salver.middleware().session(|_: &_| SessionId::new("ada").ok());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SessionSource(Kind);

#[derive(Clone)]
enum Kind {
    Cookie,
    Header(HeaderName),
    #[cfg(feature = "actix-session")]
    ActixSession,
    Closure(Rc<Find>),
}

impl SessionSource {
    /// Uses Salver's own cookie. This is the default.
    #[must_use]
    pub fn cookie() -> Self {
        Self(Kind::Cookie)
    }

    /// Uses a request header whose value is a secret, such as an API key.
    ///
    /// The secret has at most 512 characters; a longer one is ignored. The session id is derived
    /// from it as from the token of the cookie. This source cannot create, renew or close sessions.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Kind::Header(name))
    }

    /// Uses a token in the visitor's session of the `actix-session` crate, under the key `salver`.
    ///
    /// Wrap the middleware of that crate outside of Salver's:
    /// `.wrap(salver.middleware()).wrap(session_middleware)`.
    #[cfg(feature = "actix-session")]
    #[must_use]
    pub fn actix_session() -> Self {
        Self(Kind::ActixSession)
    }

    /// Returns the session of a request, if it has one.
    pub(crate) fn find(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
        app: &str,
        cache: &SessionCache,
        plain_http: bool,
    ) -> Option<SessionId> {
        match &self.0 {
            Kind::Closure(find) => find(request),
            Kind::Cookie if headers.cookies.has_session() => {
                // Only the exact name that this visitor would receive counts. Another host of the
                // same domain can set the plain name, or a name that decodes to the secure one.
                let name = cookie_name(request, headers, plain_http);
                cache.session(headers.cookies.named(name)?, app)
            }
            Kind::Cookie => None,
            Kind::Header(name) => {
                let value = request.headers().get(name)?.to_str().ok()?;
                Token::from_secret(value)?.session(app).ok()
            }
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                let token = session.get::<String>(SESSION_KEY).ok()??;
                cache.session(token.as_bytes().try_into().ok()?, app)
            }
        }
    }

    /// Returns the issuer of sessions for this visitor. It does not keep the request.
    pub(crate) fn issuer(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
        plain_http: bool,
    ) -> SessionIssuer {
        match &self.0 {
            Kind::Header(_) => SessionIssuer::None,
            // The closure may read a cookie of the application, if the request has cookies.
            Kind::Closure(_) if headers.has_cookies => {
                SessionIssuer::External(is_tls(request, headers))
            }
            Kind::Closure(_) => SessionIssuer::None,
            Kind::Cookie => SessionIssuer::Cookie(cookie_name(request, headers, plain_http)),
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                SessionIssuer::ActixSession(session, is_tls(request, headers))
            }
        }
    }
}

impl<F> From<F> for SessionSource
where
    F: Fn(&HttpRequest) -> Option<SessionId> + 'static,
{
    fn from(find: F) -> Self {
        Self(Kind::Closure(Rc::new(find)))
    }
}

impl fmt::Debug for SessionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Cookie => "SessionSource::cookie",
            Kind::Header(_) => "SessionSource::header",
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => "SessionSource::actix_session",
            Kind::Closure(_) => "SessionSource::from(closure)",
        })
    }
}
