//! Salver's own cookies, among all that a request brings.

use memchr::memchr;

/// The session's cookie where it can be bound to the host and to TLS.
pub(crate) const SECURE: &str = "__Host-salver";
/// The same over plain http.
pub(crate) const PLAIN: &str = "salver";
/// The hint's.
pub(crate) const SECURE_HINT: &str = "__Host-salver-hint";
pub(crate) const PLAIN_HINT: &str = "salver-hint";

/// What the cookies say. Values are bytes: one neighbour that is not UTF-8 hides nobody else.
#[derive(Default)]
pub(crate) struct Cookies<'a> {
    secure: Option<&'a [u8]>,
    plain: Option<&'a [u8]>,
    /// Whether the hint is among them. By either name: at worst a page asks that need not.
    pub(crate) hint: bool,
}

impl<'a> Cookies<'a> {
    /// Reads the value of a `Cookie` header. The first cookie of a name counts.
    pub(crate) fn parse(&mut self, mut header: &'a [u8]) {
        while !header.is_empty() {
            let end = memchr(b';', header).unwrap_or(header.len());
            let (cookie, rest) = header.split_at_checked(end).unwrap_or((header, &[]));
            self.parse_cookie(cookie);
            header = rest.get(1..).unwrap_or_default();
        }
    }

    fn parse_cookie(&mut self, cookie: &'a [u8]) {
        let Some((name, value)) = memchr(b'=', cookie).and_then(|at| cookie.split_at_checked(at))
        else {
            return;
        };
        let value = || value.get(1..).unwrap_or_default().trim_ascii();
        let name = name.trim_ascii();
        if name == PLAIN.as_bytes() {
            self.plain.get_or_insert_with(value);
        } else if name == SECURE.as_bytes() {
            self.secure.get_or_insert_with(value);
        } else if name == PLAIN_HINT.as_bytes() || name == SECURE_HINT.as_bytes() {
            self.hint = true;
        }
    }

    /// Tells whether there is one that may be the session's.
    pub(crate) fn has_session(&self) -> bool {
        self.plain.is_some() || self.secure.is_some()
    }

    /// Gives the session's cookie by exactly this name.
    pub(crate) fn named(&self, name: &str) -> Option<&'a [u8]> {
        match name {
            PLAIN => self.plain,
            SECURE => self.secure,
            _ => None,
        }
    }
}
