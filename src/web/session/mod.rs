//! How a request is known to be of a session.

pub(crate) mod cookies;
mod hint;
pub(crate) mod issuer;
pub(crate) mod session_cache;
pub(crate) mod source;
pub(crate) mod token;
mod transport;
