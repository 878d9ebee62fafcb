//! How a request is known to be of a session.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::HeaderName;

use crate::web::request::app_state::Site;
use crate::web::request::headers::Head;
use crate::web::session::cookies::{PLAIN, SECURE};
use crate::web::session::hint;
use crate::web::session::token::Token;
use crate::{Error, SessionId};

/// Where the token is kept in an actix-session.
#[cfg(feature = "actix-session")]
const SESSION_KEY: &str = "salver";

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
        head: &Head<'_>,
        site: &Site,
    ) -> Option<SessionId> {
        match &self.0 {
            Kind::Closure(find) => find(request),
            Kind::Cookie => from_cookie(request, head, site),
            Kind::Header(name) => {
                let value = request.headers().get(name)?.to_str().ok()?;
                Token::foreign(value)?.session(site.salver.name()).ok()
            }
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                let token = session.get::<String>(SESSION_KEY).ok()??;
                site.session_of(token.as_bytes())
            }
        }
    }

    /// Gives what can hand a session out to this visitor, without keeping the request.
    pub(crate) fn hand(&self, request: &HttpRequest, plain_http: bool) -> Hand {
        let head = Head::of(request);
        match &self.0 {
            Kind::Header(_) => Hand::Empty,
            // By one of its cookies, if it brings any.
            Kind::Closure(_) if head.has_cookies => Hand::Found(is_tls(request, &head)),
            Kind::Closure(_) => Hand::Empty,
            Kind::Cookie => Hand::Cookie(name(request, &head, plain_http)),
            #[cfg(feature = "actix-session")]
            Kind::ActixSession => {
                let session = actix_session::SessionExt::get_session(request);
                Hand::ActixSession(session, is_tls(request, &head))
            }
        }
    }
}

/// What hands a session out to a visitor.
#[derive(Clone)]
pub(crate) enum Hand {
    /// A source that can only find sessions.
    Empty,
    /// One that has found it by a cookie of the application's, over TLS or not.
    Found(bool),
    Cookie(&'static str),
    #[cfg(feature = "actix-session")]
    ActixSession(actix_session::Session, bool),
}

impl Hand {
    /// Draws a token. Changes nothing yet.
    pub(crate) fn draw(&self) -> Result<Token<'static>, Error> {
        match self {
            Self::Empty | Self::Found(_) => Err(Error::invalid(
                "session",
                "cannot be made, renewed or forgotten by the source of sessions",
            )),
            Self::Cookie(_) => Token::draw(),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(..) => Token::draw(),
        }
    }

    /// Hands a token out; gives the cookie that has to go out with the response, if one does.
    pub(crate) fn give(&self, token: &Token<'_>) -> Result<Option<Cookie<'static>>, Error> {
        match self {
            Self::Empty | Self::Found(_) => Ok(None),
            Self::Cookie(name) => Ok(Some(bake(name, token))),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(session, _) => session
                .insert(SESSION_KEY, token.as_str())
                .map(|()| None)
                .map_err(|_| Error::unavailable("the actix-session takes no value")),
        }
    }
}

impl Hand {
    /// Gives the hint for a visitor whose session is found by a cookie.
    pub(crate) fn hint(&self) -> Option<Cookie<'static>> {
        match self {
            Self::Empty => None,
            Self::Found(tls) => Some(hint::bake(*tls)),
            Self::Cookie(name) => Some(hint::bake(*name == SECURE)),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(_, tls) => Some(hint::bake(*tls)),
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

fn from_cookie(request: &HttpRequest, head: &Head<'_>, site: &Site) -> Option<SessionId> {
    if !head.cookies.has_any() {
        return None;
    }
    // Only the name that this visitor would be given, letter for letter: a neighbouring host can plant the
    // plain one, or one that decodes to the other.
    let name = name(request, head, site.plain_http);
    site.session_of(head.cookies.named(name)?)
}

/// Bakes the cookie that carries a token to a visitor.
fn bake(name: &'static str, token: &Token<'_>) -> Cookie<'static> {
    Cookie::build(name, token.as_str().to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(name == SECURE)
        .finish()
}

fn name(request: &HttpRequest, head: &Head<'_>, plain_http: bool) -> &'static str {
    if !is_tls(request, head) && (plain_http || is_local(request, head)) {
        PLAIN
    } else {
        SECURE
    }
}

/// Only behind a proxy actix has to read how the visitor reached it; else what it allocates for that is saved.
fn is_tls(request: &HttpRequest, head: &Head<'_>) -> bool {
    if head.is_proxied {
        return request.connection_info().scheme() == "https";
    }
    let scheme = request.uri().scheme_str();
    scheme.map_or_else(|| request.app_config().secure(), |scheme| scheme == "https")
}

/// A browser and a server on one machine: nobody listens in between.
fn is_local(request: &HttpRequest, head: &Head<'_>) -> bool {
    if head.is_proxied {
        return is_loopback(request, request.connection_info().host());
    }
    let host = head.host.and_then(|host| host.to_str().ok());
    let host = host.or_else(|| Some(request.uri().authority()?.as_str()));
    is_loopback(request, host.unwrap_or_else(|| request.app_config().host()))
}

fn is_loopback(request: &HttpRequest, host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = |ip: std::net::IpAddr| ip.is_loopback();
    let near = request.peer_addr().is_some_and(|peer| loopback(peer.ip()));
    near && (name == "localhost" || name.parse().is_ok_and(loopback))
}
