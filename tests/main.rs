//! Every test of the crate, in one binary.
//!
//! `tests/run` runs them, and says what each part is.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unused_async,
    clippy::unwrap_used,
    clippy::exhaustive_structs,
    clippy::field_reassign_with_default,
    reason = "a test fails by panicking, and prints its figures"
)]

mod conformance;
mod external_writers;
mod faults;
mod faulty_stores;
mod handle;
mod index;
mod instruction_counts;
mod integrations;
mod layers;
mod live;
mod mutants;
mod pages;
mod soak;
mod support;
mod types;
mod web;
