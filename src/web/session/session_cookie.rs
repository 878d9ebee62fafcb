//! The settings of Salver's own cookie.

use actix_web::cookie::SameSite;

use crate::Error;

/// Longest name of a cookie, in bytes. Prevents requests whose `Cookie` header servers refuse.
const MAX_NAME: usize = 64;

/// The settings of Salver's own cookie.
///
/// Passed to [`Middleware::session`](crate::web::Middleware::session).
///
/// | setting | default |
/// |---|---|
/// | [`name`](Self::name) | `salver-` and the name of the application, percent-encoded; `!embedded` follows with [`embedded`](Self::embedded) |
/// | [`same_site`](Self::same_site) | `Lax` |
/// | [`embedded`](Self::embedded) | the site is not shown in frames of other sites |
///
/// # Requests from other sites
///
/// A browser sends no `Lax` cookie with a form that another site sends, as when a payment or an
/// identity provider returns the visitor by POST. The handler of such a request cannot know the
/// session, so a message that it adds goes to a new session, whose cookie has a name of its own
/// (`{name}!return`) and does not replace the session cookie. The next page finds both cookies,
/// moves the messages into the visitor's session, and removes the second cookie. With
/// [`Strict`](SameSite::Strict) this applies to links of other sites, too.
///
/// A login in such a request ([`renew`](crate::Messages::renew)) creates the new session under
/// `{name}!login`; the next page moves the visitor to it, with all messages. A logout
/// ([`close_session`](crate::Messages::close_session)) replaces the session cookie at once. The old
/// session, which the request does not name, is not closed: its messages expire.
///
/// # Examples
///
/// ```
/// use actix_web::cookie::SameSite;
/// use salver::{Salver, web::SessionCookie};
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let cookie = SessionCookie::new().name("shop-messages")?.same_site(SameSite::Strict);
/// let middleware = salver.middleware().session(cookie);
/// # let _ = middleware;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: Option<String>,
    same_site: SameSite,
    is_partitioned: bool,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: None,
            same_site: SameSite::Lax,
            is_partitioned: false,
        }
    }
}

impl SessionCookie {
    /// Creates the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name. Over TLS, the prefix `__Host-` is added, which binds the cookie to the host.
    ///
    /// Default: a name for each application, because applications on one host receive the cookies
    /// of each other.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) unless the name has 1 to 64 letters, digits, `-`, `_` and
    /// `.`, or if it begins with `__Host-` or `__Secure-`.
    pub fn name(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_allowed) {
            return Err(Error::invalid(
                "name of the cookie",
                "does not have 1 to 64 letters, digits, `-`, `_` and `.`",
            ));
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("__host-") || lower.starts_with("__secure-") {
            return Err(Error::invalid(
                "name of the cookie",
                "has a prefix, which is added over TLS",
            ));
        }
        self.name = Some(name);
        Ok(self)
    }

    /// Sets with which requests from other sites the browser sends the cookie.
    ///
    /// With [`None`](SameSite::None), the cookie always has the attribute `Secure`, also on one
    /// machine, and pages of other sites can send requests in the visitor's name: the site needs
    /// other protection against cross-site request forgery.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Lets the site work in frames of other sites: `SameSite=None; Secure; Partitioned`.
    ///
    /// Browsers keep a partitioned cookie for each site that embeds this one (CHIPS). It costs:
    ///
    /// - A visitor has another session in each embedding site, and outside of them, so a message
    ///   shows only where it was added.
    /// - `SameSite` no longer protects against cross-site request forgery.
    /// - The cookie needs HTTPS, also on one machine; browsers treat `http://localhost` as secure,
    ///   except Safari.
    #[must_use]
    pub fn embedded(mut self) -> Self {
        self.same_site = SameSite::None;
        self.is_partitioned = true;
        self
    }

    /// Returns the name without prefix, for an application.
    pub(super) fn name_for(&self, app: &str) -> String {
        // A browser that has both a partitioned cookie and another one of that name sends both.
        let suffix = if self.is_partitioned { "!embedded" } else { "" };
        let default = || format!("salver-{}{suffix}", crate::context::encode(app));
        self.name.clone().unwrap_or_else(default)
    }

    pub(super) fn same_site_attribute(&self) -> SameSite {
        self.same_site
    }

    pub(super) fn is_partitioned(&self) -> bool {
        self.is_partitioned
    }
}
