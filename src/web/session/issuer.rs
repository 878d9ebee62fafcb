//! Issuing a session to a visitor.

#[cfg(feature = "actix-session")]
use actix_session::SessionStatus;
use actix_web::cookie::{Cookie, SameSite};

use crate::Error;
use crate::web::session::cookies::SECURE_SESSION;
use crate::web::session::hint;
use crate::web::session::token::Token;

/// Key of the token in an actix-session.
#[cfg(feature = "actix-session")]
pub(super) const SESSION_KEY: &str = "salver";

/// Issues a session to a visitor, as the session source allows it.
#[derive(Clone)]
pub(crate) enum SessionIssuer {
    /// The source can only find sessions.
    None,
    /// The source finds the session by a cookie of the application. The flag: whether over TLS.
    External(bool),
    /// Salver's own cookie, with this name.
    Cookie(&'static str),
    /// A session of the `actix-session` crate. The flag: whether over TLS.
    #[cfg(feature = "actix-session")]
    ActixSession(actix_session::Session, bool),
}

impl SessionIssuer {
    /// Generates a token. Changes nothing yet.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a source that can only find sessions.
    pub(crate) fn generate_token(&self) -> Result<Token<'static>, Error> {
        match self {
            Self::None | Self::External(_) => Err(Error::invalid(
                "session",
                "cannot be created, renewed or closed by this session source",
            )),
            Self::Cookie(_) => Token::generate(),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(..) => Token::generate(),
        }
    }

    /// Issues a token. Returns the cookie that the response has to set, if there is one.
    pub(crate) fn issue(&self, token: &Token<'_>) -> Result<Option<Cookie<'static>>, Error> {
        match self {
            Self::None | Self::External(_) => Ok(None),
            Self::Cookie(name) => Ok(Some(build_cookie(name, token))),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(session, _) => session
                .insert(SESSION_KEY, token.as_str())
                .map(|()| None)
                .map_err(|_| Error::unavailable("the actix-session rejected the value")),
        }
    }
}

impl SessionIssuer {
    /// Returns whether a new session needs a cookie of the response.
    pub(crate) fn sets_cookie(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }

    /// Returns what to check if no visitor sends back a session.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::None | Self::External(_) => "Check the session source",
            Self::Cookie(SECURE_SESSION) => {
                "The cookie needs HTTPS: behind a proxy that ends TLS, let it send `X-Forwarded-Proto`; for plain HTTP \
                 call `plain_http()`"
            }
            Self::Cookie(_) => "Check whether clients store cookies",
            #[cfg(feature = "actix-session")]
            Self::ActixSession(..) => {
                "Wrap the middleware of actix-session around Salver's: \
                 `.wrap(salver.middleware()).wrap(session_middleware)`; its cookie needs HTTPS unless `cookie_secure(false)`"
            }
        }
    }

    /// Returns why the visitor does not receive an issued session, if that is certain.
    pub(crate) fn loss(&self) -> Option<&'static str> {
        #[cfg(feature = "actix-session")]
        if let Self::ActixSession(session, _) = self
            && matches!(session.get::<String>(SESSION_KEY), Ok(None))
        {
            return Some(match session.status() {
                SessionStatus::Purged => {
                    "the handler has purged the session of actix-session, which then stores nothing more: call \
                     `session.clear()` and `session.renew()` instead, then `messages.close_session()`, then add the message"
                }
                // The middleware takes the values out of a session that it stores.
                _ => {
                    "the middleware of actix-session runs inside of Salver's: use \
                     `.wrap(salver.middleware()).wrap(session_middleware)`; or the handler has cleared the session after \
                     it added a message: clear it before"
                }
            });
        }
        None
    }

    /// Returns the hint cookie for a visitor whose session is found by a cookie.
    pub(crate) fn hint_cookie(&self) -> Option<Cookie<'static>> {
        match self {
            Self::None => None,
            Self::External(tls) => Some(hint::build_cookie(*tls)),
            Self::Cookie(name) => Some(hint::build_cookie(*name == SECURE_SESSION)),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(_, tls) => Some(hint::build_cookie(*tls)),
        }
    }
}

/// Builds the cookie that carries a token.
fn build_cookie(name: &'static str, token: &Token<'_>) -> Cookie<'static> {
    Cookie::build(name, token.as_str().to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(name == SECURE_SESSION)
        .finish()
}
