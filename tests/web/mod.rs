//! Tests of the middleware, the slot and the extractors.

mod classes;
mod confirm_batch;
mod cookies;
mod cost;
mod degraded;
mod eligibility;
mod guarded_scopes;
mod isolation;
mod middleware_order;
mod misdirected;
mod partials;
mod sessions;
mod settlement;
mod slot;
mod slow_store;
mod status;
mod views;
