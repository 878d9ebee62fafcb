//! The context of a message: application, session and view.

mod key;
mod session;
mod view;

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::validate::validate_line;

#[cfg(any(feature = "redis", feature = "web", feature = "events"))]
pub(crate) use self::key::encode;
pub(crate) use self::key::{decode, encode_into};
pub use self::session::SessionId;
pub use self::view::{IntoView, View};

/// Longest name of an application in bytes. Short, since it is part of every key.
const MAX_APP: usize = 64;

/// Writes the key of a context, `app:{session}:view`, in pieces.
pub(crate) fn write_key(app: &str, session: &SessionId, view: &View, mut put: impl FnMut(&str)) {
    write_session_prefix(app, session, &mut put);
    view.write_encoded(put);
}

/// Writes the common prefix of the keys of a session, `app:{session}:`, in pieces.
pub(crate) fn write_session_prefix(app: &str, session: &SessionId, mut put: impl FnMut(&str)) {
    encode_into(app, &mut put);
    put(":{");
    encode_into(session.as_str(), &mut put);
    put("}:");
}

/// The key under which messages are stored: application, session and view.
///
/// A plain value. Pass it as JSON in the arguments of a job, which adds messages to it from any
/// process with [`Salver::add`](crate::Salver::add).
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
#[serde(try_from = "UncheckedContext")]
pub struct Context {
    app: Arc<str>,
    session: SessionId,
    view: View,
}

#[derive(Deserialize)]
struct UncheckedContext {
    app: String,
    session: SessionId,
    view: View,
}

impl TryFrom<UncheckedContext> for Context {
    type Error = Error;

    fn try_from(parts: UncheckedContext) -> Result<Self, Error> {
        Self::new(parts.app, parts.session, parts.view)
    }
}

impl FromStr for Context {
    type Err = Error;

    /// Parses a context from the form that [`key`](Self::key) returns.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for `"shop:ada:orders"` without braces, for
    /// parts that are not encoded as [`key`](Self::key) encodes them.
    ///
    /// ```
    /// use salver::Context;
    ///
    /// let context: Context = "iconfinder:{u7Jx0}:orders%2F%7Bid%7D".parse()?;
    /// assert_eq!(context.view().as_str(), "orders/{id}");
    /// # Ok::<(), salver::Error>(())
    /// ```
    fn from_str(key: &str) -> Result<Self, Error> {
        let parts = key.split_once(":{");
        let parts = parts.and_then(|(app, rest)| Some((app, rest.split_once("}:")?)));
        let context = parts.and_then(|(app, (session, view))| {
            let session = SessionId::new(decode(session)?).ok()?;
            Self::new(decode(app)?, session, View::from_encoded(view)?).ok()
        });
        context.ok_or_else(|| Error::invalid("context", "is not of the form `app:{session}:view`"))
    }
}

impl Context {
    /// Creates a context.
    ///
    /// `app`: 1 to 64 bytes, not only white space, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `app` of `""`, of 65 bytes, of `"a\nb"`.
    pub fn new(app: impl Into<String>, session: SessionId, view: View) -> Result<Self, Error> {
        Ok(Self::new_unchecked(validate_app(app)?, session, view))
    }

    pub(crate) fn new_unchecked(app: Arc<str>, session: SessionId, view: View) -> Self {
        Self { app, session, view }
    }

    /// Returns the name of the application.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Returns the view.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the context of another view in the same session.
    #[must_use]
    pub fn with_view(&self, view: View) -> Self {
        Self::new_unchecked(Arc::clone(&self.app), self.session.clone(), view)
    }

    /// Returns the context of the same view in another session.
    #[must_use]
    pub fn with_session(&self, session: SessionId) -> Self {
        Self::new_unchecked(Arc::clone(&self.app), session, self.view.clone())
    }

    /// Returns the key `app:{session}:view` under which the store keeps the messages of the
    /// context.
    ///
    /// Each part is percent-encoded after RFC 3986: all characters except `A-Z a-z 0-9 - . _ ~`,
    /// with upper-case hexadecimal digits. So equal keys mean equal contexts. No part contains a
    /// brace, and Redis Cluster keeps all keys of a session in one hash slot.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = String::with_capacity(64);
        self.write_key(|part| key.push_str(part));
        key
    }

    /// Writes the key in pieces.
    pub(crate) fn write_key(&self, put: impl FnMut(&str)) {
        write_key(&self.app, &self.session, &self.view, put);
    }

    /// Returns the contexts that a page of this view reads: the context itself, and that of
    /// [`View::ANY`].
    ///
    /// One context if the view is [`View::ANY`].
    #[must_use]
    pub fn contexts_to_read(&self) -> Vec<Self> {
        let any = self.with_view(View::ANY);
        if self.view.is_any() {
            vec![any]
        } else {
            vec![self.clone(), any]
        }
    }
}

/// Validates the name of an application.
pub(crate) fn validate_app(app: impl Into<String>) -> Result<Arc<str>, Error> {
    let app = app.into();
    validate_line("app", &app, MAX_APP)?;
    Ok(app.into())
}
