//! Whose, on which page: the address of a message.

mod key;
mod session;
mod view;

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::validate::validate_line;

#[cfg(feature = "redis")]
pub(crate) use self::key::encode;
pub(crate) use self::key::{decode, encode_into};
pub use self::session::SessionId;
pub use self::view::{IntoView, View};

/// Longest name of an application in bytes: it is part of every key.
const MAX_APP: usize = 64;
/// Spells the key of a context, `app:{session}:view`, part by part.
pub(crate) fn write_key(app: &str, session: &SessionId, view: &View, mut put: impl FnMut(&str)) {
    write_session_prefix(app, session, &mut put);
    view.write_encoded(put);
}

/// Spells the beginning of the keys of a session, `app:{session}:`, part by part.
pub(crate) fn write_session_prefix(app: &str, session: &SessionId, mut put: impl FnMut(&str)) {
    encode_into(app, &mut put);
    put(":{");
    encode_into(session.as_str(), &mut put);
    put("}:");
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

    /// Reads an address as [`key`](Self::key) spells it.
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
        let address = parts.and_then(|(app, (session, view))| {
            let session = SessionId::new(decode(session)?).ok()?;
            Self::new(decode(app)?, session, View::from_encoded(view)?).ok()
        });
        address.ok_or_else(|| Error::invalid("context", "is not of the form `app:{session}:view`"))
    }
}

impl Context {
    /// Puts an address together. `app`: 1 to 64 bytes, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `app` that is empty, too long or has a control character.
    pub fn new(app: impl Into<String>, session: SessionId, view: View) -> Result<Self, Error> {
        Ok(Self::new_unchecked(validate_app(app)?, session, view))
    }

    pub(crate) fn new_unchecked(app: Arc<str>, session: SessionId, view: View) -> Self {
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
        Self::new_unchecked(Arc::clone(&self.app), self.session.clone(), view)
    }

    /// Gives the same page of another session.
    #[must_use]
    pub fn with_session(&self, session: SessionId) -> Self {
        Self::new_unchecked(Arc::clone(&self.app), session, self.view.clone())
    }

    /// Spells the key `app:{session}:view`, each part percent-encoded: equal keys mean equal contexts.
    ///
    /// All but `A-Z a-z 0-9 - . _ ~` is encoded, with upper-case digits, after RFC 3986. So the braces are
    /// ours, and Redis Cluster keeps all keys of a session in one slot.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = String::with_capacity(64);
        self.write_key(|part| key.push_str(part));
        key
    }

    /// Spells the key part by part.
    pub(crate) fn write_key(&self, put: impl FnMut(&str)) {
        write_key(&self.app, &self.session, &self.view, put);
    }

    /// Gives the contexts that a page of this view looks into: its own and [`View::ANY`].
    #[must_use]
    pub fn read_contexts(&self) -> Vec<Self> {
        let any = self.with_view(View::ANY);
        if self.view.is_any() {
            vec![any]
        } else {
            vec![self.clone(), any]
        }
    }
}

pub(crate) fn validate_app(app: impl Into<String>) -> Result<Arc<str>, Error> {
    let app = app.into();
    validate_line("app", &app, MAX_APP)?;
    Ok(app.into())
}
