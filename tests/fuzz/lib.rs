//! The targets of the test `inputs`, for cargo-fuzz: `tests/run --long faults` runs each for ten minutes.

pub mod answers;
pub mod targets;
