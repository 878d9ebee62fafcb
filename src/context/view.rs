//! The name of a page.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::context::key::{decode, encode_into};
use crate::validate::validate_line;

/// Longest view in bytes. Stops a view taken from a request path from creating keys of any size.
const MAX_VIEW: usize = 256;

/// The form of [`View::ANY`] in keys. No other view is encoded so, since `*` is encoded as `%2A`.
const ANY: &str = "*";

/// The name of a page, by default its route pattern without the leading slash: `orders/{id}`.
///
/// A page shows the messages of its own view and those of [`View::ANY`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct View(Option<Arc<str>>);

impl View {
    /// Any view: the next page that the visitor opens shows the message.
    pub const ANY: Self = Self(None);

    /// Creates a view.
    ///
    /// `name`: 1 to 256 bytes, not only white space, no control character, not `*`. A leading slash is
    /// removed, as the default view of a page has none: `/plain` and `plain` are the same view. `/`
    /// remains, the view of the root.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `""`, for 257 bytes, for `"a\nb"`, and for `"*"`,
    /// which keys use for [`View::ANY`].
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        match name.strip_prefix('/') {
            Some(rest) if !rest.is_empty() => Self::exact(rest.to_owned()),
            _ => Self::exact(name),
        }
    }

    /// Creates a view of exactly this name.
    fn exact(name: String) -> Result<Self, Error> {
        validate_line("view", &name, MAX_VIEW)?;
        if name == ANY {
            return Err(Error::invalid("view", "is reserved for View::ANY"));
        }
        Ok(Self(Some(name.into())))
    }

    /// Returns whether this is [`View::ANY`].
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the name; `*` for [`View::ANY`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(ANY)
    }

    /// Writes the encoded name in pieces.
    pub(crate) fn write_encoded(&self, mut put: impl FnMut(&str)) {
        match self.0.as_deref() {
            None => put(ANY),
            Some(name) => encode_into(name, put),
        }
    }

    /// Decodes a view from its form in keys; `None` if it is not encoded as keys encode it.
    #[must_use]
    pub(crate) fn from_encoded(part: &str) -> Option<Self> {
        if part == ANY {
            return Some(Self::ANY);
        }
        // A key may have been written by another program.
        Self::exact(decode(part)?).ok()
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

    /// Validates the name as [`View::new`] does, but accepts `*` for [`View::ANY`], as in a
    /// serialised [`Context`](crate::Context).
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

/// A [`View`] or its name, as an argument. The call that takes it validates the name.
///
/// Implemented for `View`, `&View`, `&str`, `String` and `&String`; sealed.
pub trait IntoView: sealed::Sealed {
    /// Validates the name and returns the view.
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
