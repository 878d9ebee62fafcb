//! How the session of a request is found, and issued to the visitor.

pub(crate) mod cookies;
pub(crate) mod issuer;
pub(crate) mod monitor;
pub(crate) mod session_cache;
pub(crate) mod session_cookie;
pub(crate) mod source;
pub(crate) mod token;
mod transport;
