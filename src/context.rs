//! Whose, on which page: the address of a message.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::check::check_line;

/// Longest name of an application in bytes: it is part of every key.
const MAX_APP: usize = 64;
/// Longest session id in bytes. Stops a foreign session layer from making keys of any size.
const MAX_SESSION: usize = 128;
/// Longest view in bytes. Stops a view taken from a path from making keys of any size.
const MAX_VIEW: usize = 256;

/// What [`View::ANY`] is spelled as in keys: the encoding of no other view.
const ANY: &str = "*";

/// Everything but `A-Z a-z 0-9 - . _ ~`, the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(crate) fn encode(part: &str) -> String {
    utf8_percent_encode(part, RESERVED).to_string()
}

#[cfg(feature = "redis")]
pub(crate) fn decode(part: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(part)
        .decode_utf8()
        .ok()?;
    (encode(&text) == part).then(|| text.into_owned())
}

/// Whose messages: an id that opens nothing.
///
/// With the session sources of this crate it is derived from the visitor's secret, so that it may
/// stand in a job's arguments: who has it can leave a message, never read one. Still, `Debug` shows
/// the last four characters only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Takes the id of a session: 1 to 128 bytes, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for 129 bytes, for `"a\nb"`.
    pub fn new(id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        check_line("session", &id, MAX_SESSION)?;
        Ok(Self(id.into()))
    }

    /// Gives the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail: Vec<char> = self.0.chars().rev().take(4).collect();
        let tail: String = tail.into_iter().rev().collect();
        write!(f, "SessionId(..{tail})")
    }
}

impl TryFrom<String> for SessionId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self, Error> {
        Self::new(id)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// On which page: by default the route pattern without its leading slash, `orders/{id}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct View(Option<Arc<str>>);

impl View {
    /// Whichever page of the visitor comes next.
    pub const ANY: Self = Self(None);

    /// Takes the name of a view: 1 to 256 bytes, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for 257 bytes, for `"a\nb"`, and for `"*"`, which
    /// is how keys spell [`View::ANY`].
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        check_line("view", &name, MAX_VIEW)?;
        if name == ANY {
            return Err(Error::invalid("view", "is how View::ANY is spelled"));
        }
        Ok(Self(Some(name.into())))
    }

    /// Tells whether this is [`View::ANY`].
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Gives the name; `*` for [`View::ANY`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(ANY)
    }

    /// Gives the name as it stands in keys.
    #[must_use]
    pub(crate) fn encoded(&self) -> String {
        self.0.as_deref().map_or_else(|| ANY.to_owned(), encode)
    }

    /// Reads a name as it stands in keys.
    #[must_use]
    #[cfg(feature = "redis")]
    pub(crate) fn from_encoded(part: &str) -> Option<Self> {
        if part == ANY {
            return Some(Self::ANY);
        }
        Self::new(decode(part)?).ok()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({:?})", self.as_str())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for View {
    type Error = Error;

    /// Takes a name; `*` is [`View::ANY`] here, as in a serialised [`Context`].
    fn try_from(name: String) -> Result<Self, Error> {
        if name == ANY {
            return Ok(Self::ANY);
        }
        Self::new(name)
    }
}

impl From<View> for String {
    fn from(view: View) -> Self {
        view.as_str().to_owned()
    }
}

/// What can name a view in a call: a [`View`], or its name, checked by the call.
pub trait IntoView: sealed::Sealed {
    /// Checks the name.
    ///
    /// # Errors
    ///
    /// As [`View::new`].
    fn into_view(self) -> Result<View, Error>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::View {}
    impl Sealed for &super::View {}
    impl Sealed for &str {}
    impl Sealed for String {}
    impl Sealed for &String {}
}

impl IntoView for View {
    fn into_view(self) -> Result<View, Error> {
        Ok(self)
    }
}

impl IntoView for &View {
    fn into_view(self) -> Result<View, Error> {
        Ok(self.clone())
    }
}

impl IntoView for &str {
    fn into_view(self) -> Result<View, Error> {
        View::new(self)
    }
}

impl IntoView for &String {
    fn into_view(self) -> Result<View, Error> {
        View::new(self.as_str())
    }
}

impl IntoView for String {
    fn into_view(self) -> Result<View, Error> {
        View::new(self)
    }
}

/// The address of a message: application, session and view.
///
/// A plain value: put it into a job's arguments as JSON, and add to it from any process.
///
/// ```
/// use salver::{Context, SessionId, View};
///
/// let context = Context::new("iconfinder", SessionId::new("u7Jx0")?, View::new("orders/{id}")?)?;
/// assert_eq!(context.key(), "iconfinder:{u7Jx0}:orders%2F%7Bid%7D");
///
/// let json = serde_json::to_string(&context)?;
/// assert_eq!(json, r#"{"app":"iconfinder","session":"u7Jx0","view":"orders/{id}"}"#);
/// assert_eq!(serde_json::from_str::<Context>(&json)?, context);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Context {
    app: Arc<str>,
    session: SessionId,
    view: View,
}

#[derive(Deserialize)]
struct Parts {
    app: String,
    session: SessionId,
    view: View,
}

impl TryFrom<Parts> for Context {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self, Error> {
        Self::new(parts.app, parts.session, parts.view)
    }
}

impl Context {
    /// Puts an address together. `app`: 1 to 64 bytes, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `app` that is empty, too long or has a control character.
    pub fn new(app: impl Into<String>, session: SessionId, view: View) -> Result<Self, Error> {
        Ok(Self::checked(check_app(app)?, session, view))
    }

    pub(crate) fn checked(app: Arc<str>, session: SessionId, view: View) -> Self {
        Self { app, session, view }
    }

    /// Gives the application's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// Gives whose it is.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Gives on which page.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Gives the address of another page of the same visitor.
    #[must_use]
    pub fn with_view(&self, view: View) -> Self {
        Self::checked(Arc::clone(&self.app), self.session.clone(), view)
    }

    /// Gives the same page of another session.
    #[must_use]
    pub fn with_session(&self, session: SessionId) -> Self {
        Self::checked(Arc::clone(&self.app), session, self.view.clone())
    }

    /// Spells the key `app:{session}:view`, each part percent-encoded: equal keys mean equal contexts.
    ///
    /// All but `A-Z a-z 0-9 - . _ ~` is encoded, with upper-case digits, after RFC 3986. So the braces are
    /// ours, and Redis Cluster keeps all keys of a session in one slot.
    #[must_use]
    pub fn key(&self) -> String {
        let (app, session, view) = (
            encode(&self.app),
            encode(self.session.as_str()),
            self.view.encoded(),
        );
        format!("{app}:{{{session}}}:{view}")
    }

    /// Gives the contexts that a page of this view looks into: its own and [`View::ANY`].
    #[must_use]
    pub fn looked_into(&self) -> Vec<Self> {
        let any = self.with_view(View::ANY);
        if self.view.is_any() {
            vec![any]
        } else {
            vec![self.clone(), any]
        }
    }
}

pub(crate) fn check_app(app: impl Into<String>) -> Result<Arc<str>, Error> {
    let app = app.into();
    check_line("app", &app, MAX_APP)?;
    Ok(app.into())
}
