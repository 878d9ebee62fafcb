//! On which page.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::context::key::{decode, encode_into};
use crate::validate::validate_line;

/// Longest view in bytes. Stops a view taken from a path from making keys of any size.
const MAX_VIEW: usize = 256;

/// What [`View::ANY`] is spelled as in keys: the encoding of no other view.
const ANY: &str = "*";

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
        validate_line("view", &name, MAX_VIEW)?;
        if name == ANY {
            return Err(Error::invalid("view", "is reserved for View::ANY"));
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

    /// Spells the name as it stands in keys, part by part.
    pub(crate) fn write_encoded(&self, mut put: impl FnMut(&str)) {
        match self.0.as_deref() {
            None => put(ANY),
            Some(name) => encode_into(name, put),
        }
    }

    /// Reads a name as it stands in keys.
    #[must_use]
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

    /// Takes a name; `*` is [`View::ANY`] here, as in a serialised [`Context`](crate::Context).
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
