//! Every test of the crate, in one binary.
//!
//! `tests/run` runs them, and says what each part is.

mod foreign;
mod handle;
mod laws;
mod layers;
mod pages;
mod support;
mod twins;
mod web;
mod words;
