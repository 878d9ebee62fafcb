//! Jobs and the workers that perform them.

mod cluster;
mod cost;
mod health;
mod processes;
mod queue;
mod telemetry;
mod worker;
