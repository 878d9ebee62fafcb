//! Floor 1: how messages look, as HTML that works without JavaScript.

mod fragment;
#[cfg(feature = "web")]
mod json;
#[cfg(feature = "markdown")]
mod markdown;

pub use self::fragment::fragment;
#[cfg(feature = "web")]
pub(crate) use self::fragment::list;
#[cfg(feature = "web")]
pub(crate) use self::json::json;

/// The stylesheet that the crate ships: light and dark, from either side, reduced motion.
///
/// [`Salver::routes`](crate::Salver::routes) serves it; paste it into yours as well as you like.
pub const STYLESHEET: &str = include_str!("salver.css");
