//! All integration tests of the crate, in one binary.
//!
//! `tests/run` runs them. Its header lists the parts.

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
    reason = "tests fail by panicking and print their results"
)]

mod broker;
mod conformance;
mod events;
mod external_writers;
mod faults;
mod faulty_stores;
mod handle;
mod inbox;
mod instruction_counts;
mod integrations;
mod jobs;
mod layers;
mod live;
mod mail;
mod mutants;
mod pages;
mod pending_index;
mod seeds;
mod slot;
mod soak;
mod support;
mod types;
mod web;
mod webhooks;
