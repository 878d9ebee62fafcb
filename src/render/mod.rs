//! Messages as HTML that works without JavaScript, and as JSON for scripts.
//!
//! Layer: uses the core types only.

mod fragment;
#[cfg(feature = "web")]
mod json;
#[cfg(feature = "markdown")]
mod markdown;
mod presentation;

#[cfg(any(feature = "web", feature = "mail"))]
pub(crate) use self::fragment::Escaped;
pub use self::fragment::fragment;
#[cfg(any(all(feature = "web", feature = "inbox"), feature = "mail"))]
pub(crate) use self::fragment::text;
#[cfg(feature = "web")]
pub(crate) use self::fragment::{Shown, list};
#[cfg(feature = "web")]
pub(crate) use self::json::json;
#[cfg(feature = "web")]
pub use self::presentation::Part;
#[cfg(feature = "web")]
pub(crate) use self::presentation::{Presentation, default_level_word};

/// The rules of the bell, which needs the inbox.
#[cfg(feature = "inbox")]
macro_rules! bell {
    () => {
        include_str!("bell.css")
    };
}
#[cfg(not(feature = "inbox"))]
macro_rules! bell {
    () => {
        ""
    };
}

/// The colours and forms that all pages share: the start of each stylesheet.
#[cfg(all(feature = "web", feature = "inbox"))]
pub(crate) const BASE: &str = include_str!("base.css");
#[cfg(all(feature = "web", feature = "inbox"))]
pub(crate) const BELL: &str = bell!();

/// The stylesheet of the crate.
///
/// It supports light and dark mode, left-to-right and right-to-left text, and reduced motion.
/// [`Salver::routes`](crate::Salver::routes) serves it; its rules may also be copied into another
/// stylesheet.
///
/// It also gives a page without a design of its own the look of the pages of this crate, by
/// `<body class="salver-page">`. Any rule of a site wins over those.
pub const STYLESHEET: &str = concat!(
    include_str!("base.css"),
    include_str!("salver.css"),
    bell!()
);
