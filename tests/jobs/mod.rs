//! Jobs and the workers that perform them.

mod cost;
mod health;
mod processes;
mod queue;
mod telemetry;
mod worker;
