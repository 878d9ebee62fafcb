//! Which view a request is for.

pub(crate) mod cache;
pub(crate) mod source;
pub(crate) mod unknown_view;
