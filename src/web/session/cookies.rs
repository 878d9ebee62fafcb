//! Salver's own cookies, parsed from the `Cookie` header.

use memchr::memchr;

use crate::web::session::token::TokenBytes;

/// Name of the session cookie over TLS. The prefix binds it to the host and to TLS.
pub(crate) const SECURE_SESSION: &str = "__Host-salver";
/// Name of the session cookie over plain HTTP.
pub(crate) const PLAIN_SESSION: &str = "salver";
/// Name of the hint cookie over TLS.
pub(crate) const SECURE_HINT: &str = "__Host-salver-hint";
/// Name of the hint cookie over plain HTTP.
pub(crate) const PLAIN_HINT: &str = "salver-hint";

/// The values of Salver's cookies. They are bytes, so that another cookie that is not UTF-8 does
/// not hide them. The inner `None` is a value that is no token, because of its length.
#[derive(Default)]
pub(crate) struct Cookies {
    secure: Option<Option<TokenBytes>>,
    plain: Option<Option<TokenBytes>>,
    /// Whether the hint cookie is present, under either name. A false hint costs at most one
    /// unnecessary store call.
    pub(crate) hint: bool,
}

impl Cookies {
    /// Parses the value of a `Cookie` header. The first cookie of a name counts.
    pub(crate) fn parse(&mut self, mut header: &[u8]) {
        while !header.is_empty() {
            let end = memchr(b';', header).unwrap_or(header.len());
            let (cookie, rest) = header.split_at_checked(end).unwrap_or((header, &[]));
            self.parse_cookie(cookie);
            header = rest.get(1..).unwrap_or_default();
        }
    }

    fn parse_cookie(&mut self, cookie: &[u8]) {
        let Some((name, value)) = memchr(b'=', cookie).and_then(|at| cookie.split_at_checked(at))
        else {
            return;
        };
        let value = || value.get(1..)?.trim_ascii().try_into().ok();
        let name = name.trim_ascii();
        if name == PLAIN_SESSION.as_bytes() {
            self.plain.get_or_insert_with(value);
        } else if name == SECURE_SESSION.as_bytes() {
            self.secure.get_or_insert_with(value);
        } else if name == PLAIN_HINT.as_bytes() || name == SECURE_HINT.as_bytes() {
            self.hint = true;
        }
    }

    /// Returns whether there is a cookie with a name of the session cookie.
    pub(crate) fn has_session(&self) -> bool {
        self.plain.is_some() || self.secure.is_some()
    }

    /// Returns the value of the session cookie with exactly this name, if it may be a token.
    pub(crate) fn named(&self, name: &str) -> Option<TokenBytes> {
        match name {
            PLAIN_SESSION => self.plain.flatten(),
            SECURE_SESSION => self.secure.flatten(),
            _ => None,
        }
    }
}
