//! Issuing a session to a visitor.

use actix_web::http::header::HeaderValue;

use crate::Error;
use crate::web::session::cookies::CookieWriter;
use crate::web::session::token::Token;
#[cfg(feature = "actix-session")]
use actix_session::SessionStatus;

/// Key of the token in an actix-session.
#[cfg(feature = "actix-session")]
pub(super) const SESSION_KEY: &str = "salver";

/// Issues a session to a visitor, as the session source allows it.
#[derive(Clone)]
pub(crate) enum SessionIssuer {
    /// The source can only find sessions.
    None,
    /// The source finds the session by a cookie of the application.
    External(CookieWriter),
    /// Salver's own cookie.
    Cookie(CookieWriter),
    /// The return cookie: the browser may have a session cookie that it does not send with this
    /// request.
    ReturnCookie(CookieWriter),
    /// A session of the `actix-session` crate.
    #[cfg(feature = "actix-session")]
    ActixSession(actix_session::Session, CookieWriter),
}

impl SessionIssuer {
    /// Generates a token. Changes nothing yet.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a source that can only find sessions.
    pub(crate) fn generate_token(&self) -> Result<Token<'static>, Error> {
        match self.can_issue() {
            true => Token::generate(),
            false => Err(Error::invalid(
                "session",
                "cannot be created, renewed or closed by this session source",
            )),
        }
    }

    /// Issues a token. Returns the `Set-Cookie` value of the response, if there is one.
    ///
    /// `is_login`: whether the new session replaces that of the visitor, for a return cookie.
    pub(crate) fn issue(&self, token: &Token<'_>, is_login: bool) -> Result<Option<String>, Error> {
        match self {
            Self::None | Self::External(_) => Ok(None),
            Self::Cookie(cookies) => Ok(Some(cookies.session(token.as_str()))),
            Self::ReturnCookie(cookies) => Ok(Some(cookies.returned(token, is_login))),
            #[cfg(feature = "actix-session")]
            Self::ActixSession(session, _) => session
                .insert(SESSION_KEY, token.as_str())
                .map(|()| None)
                .map_err(|_| Error::unavailable("the actix-session rejected the value")),
        }
    }
}

impl SessionIssuer {
    /// Returns the issuer that replaces the session of the visitor, even if the request came without it.
    pub(crate) fn replacing(&self) -> Self {
        match self {
            Self::ReturnCookie(cookies) => Self::Cookie(cookies.clone()),
            other => other.clone(),
        }
    }

    /// Returns whether the source accepts new sessions.
    pub(crate) fn can_issue(&self) -> bool {
        !matches!(self, Self::None | Self::External(_))
    }

    /// Returns whether a new session needs a cookie of the response.
    pub(crate) fn sets_cookie(&self) -> bool {
        matches!(self, Self::Cookie(_) | Self::ReturnCookie(_))
    }

    /// Returns what to check if no visitor sends back a session.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::None | Self::External(_) => "Check the session source",
            Self::Cookie(cookies) | Self::ReturnCookie(cookies) if cookies.is_secure => {
                "The cookie needs HTTPS: behind a proxy that ends TLS, let it send `X-Forwarded-Proto`; for plain HTTP \
                 call `plain_http()`"
            }
            Self::Cookie(_) | Self::ReturnCookie(_) => "Check whether clients store cookies",
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
    pub(crate) fn hint_cookie(&self) -> Option<HeaderValue> {
        match self {
            Self::None => None,
            Self::External(cookies) | Self::Cookie(cookies) | Self::ReturnCookie(cookies) => {
                cookies.hint()
            }
            #[cfg(feature = "actix-session")]
            Self::ActixSession(_, cookies) => cookies.hint(),
        }
    }
}
