//! The middleware, the slot, the extractors: each sentence of the design with its test.

mod cost;
mod eligibility;
mod ends;
mod isolation;
mod parts;
mod sessions;
pub mod site;
mod slot;
mod trouble;
mod views;
