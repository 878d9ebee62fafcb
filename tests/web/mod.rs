//! The middleware, the slot, the extractors: each sentence of the design with its test.

mod cost;
mod eligibility;
mod isolation;
mod sessions;
mod site;
mod slot;
mod trouble;
mod views;
