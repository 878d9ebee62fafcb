//! Salver's own cookies: their names, their attributes, and their values in the `Cookie` header.

use std::rc::Rc;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::HeaderValue;
use memchr::memchr;

use crate::web::session::session_cookie::SessionCookie;
use crate::web::session::token::{Token, TokenBytes};

/// Prefix of a name over TLS. It binds the cookie to the host and to TLS.
const SECURE_PREFIX: &str = "__Host-";
/// Suffix of the hint cookie, which makes the visitor's next requests query the store instead of using
/// the index. An add is known to its own process immediately, and to other processes about a
/// millisecond later. A redirect can be faster. The value is the same for all visitors and identifies
/// none of them. (`!` is neither in an encoded name nor in one that a site has set.)
const HINT: &str = "!hint";
/// Suffix of the return cookie: the session of a request without session cookie from another site. Its
/// messages move into the session of the visitor.
const RETURN: &str = "!return";
/// Suffix of the return cookie after a login: it replaces the session of the visitor.
const LOGIN: &str = "!login";
/// Lifetime of the hint cookie: long enough for a redirect, short enough not to affect later pages.
const HINT_MAX_AGE: Duration = Duration::seconds(5);
/// Lifetime of the return cookie. Its messages expire after an hour by default.
const RETURN_MAX_AGE: Duration = Duration::hours(1);

/// The cookies of an application.
pub(crate) struct CookieSettings {
    settings: SessionCookie,
    /// The name of the session cookie over plain HTTP.
    name: String,
    /// The hint cookies of plain HTTP and of TLS, which are the same for all visitors. `None` if the name
    /// is no valid header value, so that no session cookie can be set either.
    hints: [Option<HeaderValue>; 2],
}

impl CookieSettings {
    pub(crate) fn new(settings: SessionCookie, app: &str) -> Rc<Self> {
        let mut cookies = Self {
            name: settings.name_for(app),
            settings,
            hints: [None, None],
        };
        cookies.hints = [false, true].map(|is_secure| {
            let hint = cookies.build(HINT, "1", is_secure, None, Some(HINT_MAX_AGE));
            hint.try_into().ok()
        });
        Rc::new(cookies)
    }

    /// Builds a `Set-Cookie` value. `same_site`: instead of that of the settings.
    fn build(
        &self,
        suffix: &str,
        value: &str,
        is_secure: bool,
        same_site: Option<SameSite>,
        max_age: Option<Duration>,
    ) -> String {
        let prefix = if is_secure { SECURE_PREFIX } else { "" };
        let name = format!("{prefix}{}{suffix}", self.name);
        let mut cookie = Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .same_site(same_site.unwrap_or_else(|| self.settings.same_site_attribute()))
            .secure(is_secure)
            .finish();
        cookie.set_max_age(max_age);
        // The crate `cookie` does not know the attribute in the version that actix-web uses.
        match self.settings.is_partitioned() {
            true => format!("{cookie}; Partitioned"),
            false => cookie.to_string(),
        }
    }
}

/// Builds the `Set-Cookie` values for one visitor.
#[derive(Clone)]
pub(crate) struct CookieWriter {
    pub(crate) settings: Rc<CookieSettings>,
    /// Whether the cookies need TLS.
    pub(crate) is_secure: bool,
}

impl CookieWriter {
    /// Returns the cookie that carries a token.
    pub(crate) fn session(&self, token: &str) -> String {
        self.settings.build("", token, self.is_secure, None, None)
    }

    pub(crate) fn hint(&self) -> Option<HeaderValue> {
        let [plain, secure] = &self.settings.hints;
        if self.is_secure { secure } else { plain }.clone()
    }

    /// Returns the cookie of a session that is created for a request from another site. It is never
    /// `Strict`: other sites cause the redirect that follows, too.
    pub(crate) fn returned(&self, token: &Token<'_>, is_login: bool) -> String {
        self.build_returned(token.as_str(), is_login, RETURN_MAX_AGE)
    }

    /// Returns the value that removes this cookie.
    pub(crate) fn remove_returned(&self, is_login: bool) -> String {
        self.build_returned("", is_login, Duration::ZERO)
    }

    fn build_returned(&self, value: &str, is_login: bool, max_age: Duration) -> String {
        let suffix = if is_login { LOGIN } else { RETURN };
        let same_site = Some(SameSite::Lax);
        self.settings
            .build(suffix, value, self.is_secure, same_site, Some(max_age))
    }
}

/// The values of Salver's cookies. They are bytes, so that another cookie that is not UTF-8 does
/// not hide them. The inner `None` is a value that is no token, because of its length.
#[derive(Default)]
pub(crate) struct Cookies {
    session: Values,
    returned: Values,
    login: Values,
    /// Whether the hint cookie is present, under either name. A false hint costs at most one
    /// unnecessary store call.
    pub(crate) hint: bool,
}

/// The values of a cookie under its two names.
#[derive(Default)]
struct Values {
    plain: Option<Option<TokenBytes>>,
    secure: Option<Option<TokenBytes>>,
}

impl Values {
    /// Stores a value. The first cookie of a name counts.
    fn insert(&mut self, is_secure: bool, value: Option<TokenBytes>) {
        let values = match is_secure {
            true => &mut self.secure,
            false => &mut self.plain,
        };
        values.get_or_insert(value);
    }

    fn get(&self, is_secure: bool) -> Option<TokenBytes> {
        match is_secure {
            true => self.secure.flatten(),
            false => self.plain.flatten(),
        }
    }

    fn is_present(&self) -> bool {
        self.plain.is_some() || self.secure.is_some()
    }
}

impl Cookies {
    /// Parses the value of a `Cookie` header.
    pub(crate) fn parse(&mut self, mut header: &[u8], settings: &CookieSettings) {
        while !header.is_empty() {
            let end = memchr(b';', header).unwrap_or(header.len());
            let (cookie, rest) = header.split_at_checked(end).unwrap_or((header, &[]));
            self.parse_cookie(cookie, settings);
            header = rest.get(1..).unwrap_or_default();
        }
    }

    fn parse_cookie(&mut self, cookie: &[u8], settings: &CookieSettings) {
        let Some((name, value)) = memchr(b'=', cookie).and_then(|at| cookie.split_at_checked(at))
        else {
            return;
        };
        let name = name.trim_ascii();
        let (is_secure, plain) = match name.strip_prefix(SECURE_PREFIX.as_bytes()) {
            Some(plain) => (true, plain),
            None => (false, name),
        };
        let Some(suffix) = plain.strip_prefix(settings.name.as_bytes()) else {
            return;
        };
        let value = || value.get(1..)?.trim_ascii().try_into().ok();
        match str::from_utf8(suffix) {
            Ok("") => self.session.insert(is_secure, value()),
            Ok(RETURN) => self.returned.insert(is_secure, value()),
            Ok(LOGIN) => self.login.insert(is_secure, value()),
            Ok(HINT) => self.hint = true,
            _ => {}
        }
    }

    /// Returns whether there is a session cookie, under either name.
    pub(crate) fn has_session(&self) -> bool {
        self.session.is_present()
    }

    /// Returns whether there is a return cookie, under either name.
    pub(crate) fn has_returned(&self) -> bool {
        self.returned.is_present() || self.login.is_present()
    }

    /// Returns the value of the session cookie with exactly the name for this transport, if it may be
    /// a token. Another host of the same domain can set the plain name, or a name that decodes to the
    /// secure one.
    pub(crate) fn session(&self, is_secure: bool) -> Option<TokenBytes> {
        self.session.get(is_secure)
    }

    /// Returns the value of the return cookie, likewise, and whether it is that of a login.
    pub(crate) fn returned(&self, is_secure: bool) -> Option<(TokenBytes, bool)> {
        let login = self.login.get(is_secure).map(|token| (token, true));
        login.or_else(|| Some((self.returned.get(is_secure)?, false)))
    }
}
