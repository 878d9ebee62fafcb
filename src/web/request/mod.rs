//! What a request means: its headers, its visitor, what it claims.

pub(crate) mod app_state;
pub(crate) mod claim;
pub(crate) mod csrf;
pub(crate) mod eligibility;
pub(crate) mod headers;
pub(crate) mod state;
pub(crate) mod visitor;
