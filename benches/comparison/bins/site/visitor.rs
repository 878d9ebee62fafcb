//! The visitor of a request, for the modes that send Redis commands themselves. A cookie contains
//! the session id.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

const COOKIE: &str = "visitor";
const APP: &str = "site";

/// A visitor, with the same keys as in Salver.
pub(crate) struct Visitor {
    pub(crate) session: String,
    is_new: bool,
}

impl Visitor {
    /// Returns the visitor of a request, or `None` if the request has no cookie.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let session = request.cookie(COOKIE)?.value().to_owned();
        Some(Self {
            session,
            is_new: false,
        })
    }

    /// Returns the visitor of a request, or a new visitor.
    pub(crate) fn from_request_or_new(request: &HttpRequest) -> Self {
        Self::of(request).unwrap_or_else(|| Self {
            session: Uuid::new_v4().simple().to_string(),
            is_new: true,
        })
    }

    /// Returns the keys of the page and of the view that matches any page.
    pub(crate) fn contexts(&self) -> [String; 2] {
        let session = &self.session;
        [
            format!("{APP}:{{{session}}}:page"),
            format!("{APP}:{{{session}}}:*"),
        ]
    }

    pub(crate) fn session_index(&self) -> String {
        format!("{APP}!session:{{{}}}", self.session)
    }

    /// Sets the cookie of a new visitor.
    pub(crate) fn set_cookie(&self, response: &mut HttpResponse) -> actix_web::Result<()> {
        if self.is_new {
            response.add_cookie(&Cookie::new(COOKIE, &self.session))?;
        }
        Ok(())
    }
}
