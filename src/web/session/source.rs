//! How the session of a request is found.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use actix_web::http::header::HeaderName;

use crate::SessionId;
use crate::web::request::csrf;
use crate::web::request::headers::RequestHeaders;
use crate::web::session::cookies::{CookieSettings, CookieWriter};
#[cfg(feature = "actix-session")]
use crate::web::session::issuer::SESSION_KEY;
use crate::web::session::issuer::SessionIssuer;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::session_cookie::SessionCookie;
use crate::web::session::token::{Token, TokenBytes};
use crate::web::session::transport::{is_tls, needs_tls};

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
/// session ends. Its name contains that of the application; [`SessionCookie`] sets another name, and
/// more.
///
/// | connection | name for the application `shop` | `Secure` |
/// |---|---|---|
/// | TLS | `__Host-salver-shop` | yes |
/// | plain HTTP, between a browser and a server on one machine | `salver-shop` | no |
/// | plain HTTP elsewhere, with [`plain_http`][plain_http] | `salver-shop` | no |
/// | plain HTTP elsewhere | `__Host-salver-shop`, which browsers do not store | yes |
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
    Cookie(SessionCookie),
    Header(HeaderName),
    #[cfg(feature = "actix-session")]
    ActixSession,
    Closure(Rc<Find>),
}

impl SessionSource {
    /// Uses Salver's own cookie. This is the default. [`SessionCookie`] has its settings.
    #[must_use]
    pub fn cookie() -> Self {
        SessionCookie::new().into()
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

    /// Returns the settings of Salver's own cookies.
    pub(crate) fn cookie_settings(&self) -> SessionCookie {
        match &self.0 {
            Kind::Cookie(settings) => settings.clone(),
            _ => SessionCookie::new(),
        }
    }

    /// Returns the session of the return cookie, if the request has one.
    pub(crate) fn find_returned(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
        app: &str,
        cache: &SessionCache,
        plain_http: bool,
    ) -> Option<ReturnedSession> {
        if !headers.cookies.has_returned() || !matches!(self.0, Kind::Cookie(_)) {
            return None;
        }
        let is_secure = self.needs_tls(request, headers, plain_http);
        let (token, is_login) = headers.cookies.returned(is_secure)?;
        let id = cache.session(token, app)?;
        Some(ReturnedSession {
            id,
            token,
            is_login,
        })
    }

    /// Returns whether Salver's own cookies need TLS. Browsers accept `SameSite=None` only with it.
    fn needs_tls(&self, request: &HttpRequest, headers: &RequestHeaders, plain_http: bool) -> bool {
        let is_cross_site = matches!(&self.0, Kind::Cookie(settings) if settings.same_site_attribute() == SameSite::None);
        is_cross_site || needs_tls(request, headers, plain_http)
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
            Kind::Cookie(_) if headers.cookies.has_session() => {
                let is_secure = self.needs_tls(request, headers, plain_http);
                cache.session(headers.cookies.session(is_secure)?, app)
            }
            Kind::Cookie(_) => None,
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
        cookies: &Rc<CookieSettings>,
        plain_http: bool,
    ) -> SessionIssuer {
        let writer = |is_secure| CookieWriter {
            settings: Rc::clone(cookies),
            is_secure,
        };
        match &self.0 {
            Kind::Header(_) => SessionIssuer::None,
            // The closure may read a cookie of the application, if the request has cookies.
            Kind::Closure(_) if headers.has_cookies => {
                SessionIssuer::External(writer(is_tls(request, headers)))
            }
            Kind::Closure(_) => SessionIssuer::None,
            Kind::Cookie(settings) => {
                let writer = writer(self.needs_tls(request, headers, plain_http));
                let is_missing = headers.cookies.session(writer.is_secure).is_none();
                match is_missing && may_lack_cookie(request, settings) {
                    true => SessionIssuer::ReturnCookie(writer),
                    false => SessionIssuer::Cookie(writer),
                }
            }
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                SessionIssuer::ActixSession(session, writer(is_tls(request, headers)))
            }
        }
    }
}

/// The session of the return cookie.
pub(crate) struct ReturnedSession {
    pub(crate) id: SessionId,
    pub(crate) token: TokenBytes,
    pub(crate) is_login: bool,
}

/// Returns whether the browser may have a session cookie that it does not send with this request: a
/// form that another site sends, or with `Strict` any request from there.
fn may_lack_cookie(request: &HttpRequest, settings: &SessionCookie) -> bool {
    let is_withheld = match settings.same_site_attribute() {
        SameSite::None => false,
        SameSite::Strict => true,
        SameSite::Lax => !request.method().is_safe(),
    };
    is_withheld && csrf::is_cross_site(request)
}

impl From<SessionCookie> for SessionSource {
    fn from(settings: SessionCookie) -> Self {
        Self(Kind::Cookie(settings))
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
            Kind::Cookie(_) => "SessionSource::cookie",
            Kind::Header(_) => "SessionSource::header",
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => "SessionSource::actix_session",
            Kind::Closure(_) => "SessionSource::from(closure)",
        })
    }
}
