//! The targets of the fault test `inputs`, for cargo-fuzz. `tests/run --full` runs each for ten
//! minutes.

pub mod fake_redis;
pub mod targets;
