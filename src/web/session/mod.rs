//! How a request is known to be of a session.

pub(crate) mod cookies;
pub(crate) mod hint;
pub(crate) mod session_cache;
pub(crate) mod source;
pub(crate) mod token;
