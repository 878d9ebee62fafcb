//! The response: whether it counts as shown, and where messages are inserted into it.

#[cfg(feature = "inbox")]
mod bell;
pub(crate) mod body;
mod body_headers;
pub(crate) mod eligibility;
pub(crate) mod encoding;
pub(crate) mod error;
pub(crate) mod finalize;
pub(crate) mod html;
pub(crate) mod inject;
mod misdirected;
pub(crate) mod plan;
pub(crate) mod status;
