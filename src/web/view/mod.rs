//! How the view of a request is found.

pub(crate) mod cache;
pub(crate) mod guarded_routes;
pub(crate) mod page_url;
pub(crate) mod source;
pub(crate) mod unknown_view;
