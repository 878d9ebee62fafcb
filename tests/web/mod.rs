//! The middleware, the slot, the extractors: each sentence of the design with its test.

mod cost;
mod degraded;
mod eligibility;
mod isolation;
mod partials;
mod sessions;
mod settlement;
pub mod site;
mod slot;
mod views;
