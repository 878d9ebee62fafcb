//! Whose page it is, where the commands are written by hand: a cookie that is the key.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

const NAME: &str = "visitor";
const APP: &str = "hand";

/// A visitor, with the keys that Salver would use.
pub(crate) struct Visitor {
    id: String,
    is_new: bool,
}

impl Visitor {
    /// Finds who sent the request, making nobody.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let id = request.cookie(NAME)?.value().to_owned();
        Some(Self { id, is_new: false })
    }

    /// Finds who sent the request, or makes somebody.
    pub(crate) fn of_or_new(request: &HttpRequest) -> Self {
        Self::of(request).unwrap_or_else(|| Self {
            id: Uuid::new_v4().simple().to_string(),
            is_new: true,
        })
    }

    /// The key of the page and that of any page.
    pub(crate) fn contexts(&self) -> [String; 2] {
        let id = &self.id;
        [format!("{APP}:{{{id}}}:page"), format!("{APP}:{{{id}}}:*")]
    }

    pub(crate) fn book(&self) -> String {
        format!("{APP}!session:{{{}}}", self.id)
    }

    /// Lets the browser remember who it is.
    pub(crate) fn remember(&self, response: &mut HttpResponse) -> actix_web::Result<()> {
        if self.is_new {
            response.add_cookie(&Cookie::new(NAME, &self.id))?;
        }
        Ok(())
    }
}
