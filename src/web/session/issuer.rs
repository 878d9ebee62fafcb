//! Handing a session out to a visitor.

use actix_web::cookie::{Cookie, SameSite};

use crate::Error;
use crate::web::session::cookies::SECURE;
use crate::web::session::hint;
use crate::web::session::token::Token;

/// Where the token is kept in an actix-session.
#[cfg(feature = "actix-session")]
pub(super) const SESSION_KEY: &str = "salver";

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

/// Bakes the cookie that carries a token to a visitor.
fn bake(name: &'static str, token: &Token<'_>) -> Cookie<'static> {
    Cookie::build(name, token.as_str().to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(name == SECURE)
        .finish()
}
