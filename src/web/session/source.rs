//! How a request is known to be of a session.

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

/// How a request is known to be of a session.
///
/// The default is a cookie of Salver's own: a random token of 256 bits, `HttpOnly`, `SameSite=Lax`, until
/// the browser ends. It is named `__Host-salver` and `Secure`; over plain http on a loopback address
/// `salver` and not `Secure`, elsewhere on plain http only after
/// [`plain_http`](crate::web::Middleware::plain_http). It is made when something is added or an address
/// is asked for, never by looking.
///
/// A closure is a source too: it finds the id, and cannot make, renew or forget one.
///
/// ```
/// use salver::{Salver, SessionId};
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// // For tests: every request is Ada's.
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
    /// Salver's own cookie: the default.
    #[must_use]
    pub fn cookie() -> Self {
        Self(Kind::Cookie)
    }

    /// A header whose value is a secret of at most 512 characters, such as an API key. The id is derived
    /// from it as from the cookie's token; it cannot be made, renewed or forgotten here.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Kind::Header(name))
    }

    /// A token kept under `salver` in the visitor's session of the `actix-session` crate, whose middleware
    /// is wrapped outside of Salver's.
    #[cfg(feature = "actix-session")]
    #[must_use]
    pub fn actix_session() -> Self {
        Self(Kind::ActixSession)
    }

    /// Finds the session of a request, if it has one.
    pub(crate) fn find(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
        app: &str,
        cache: &SessionCache,
        plain_http: bool,
    ) -> Option<SessionId> {
        match &self.0 {
            Kind::Closure(find) => find(request),
            Kind::Cookie if headers.cookies.has_session() => {
                // Only the name that this visitor would be given, letter for letter: a neighbouring host can
                // plant the plain one, or one that decodes to the other.
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
                cache.session(token.as_bytes(), app)
            }
        }
    }

    /// Gives what can hand a session out to this visitor, without keeping the request.
    pub(crate) fn issuer(&self, request: &HttpRequest, plain_http: bool) -> SessionIssuer {
        let headers = RequestHeaders::of(request);
        match &self.0 {
            Kind::Header(_) => SessionIssuer::None,
            // By one of its cookies, if it brings any.
            Kind::Closure(_) if headers.has_cookies => {
                SessionIssuer::External(is_tls(request, &headers))
            }
            Kind::Closure(_) => SessionIssuer::None,
            Kind::Cookie => SessionIssuer::Cookie(cookie_name(request, &headers, plain_http)),
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                SessionIssuer::ActixSession(session, is_tls(request, &headers))
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
