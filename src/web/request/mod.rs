//! The request: its headers, its visitor, its claim and its state.

pub(crate) mod app_state;
pub(crate) mod claim;
pub(crate) mod csrf;
pub(crate) mod eligibility;
pub(crate) mod headers;
pub(crate) mod state;
pub(crate) mod visitor;
