//! Jobs and the workers that perform them.

mod health;
mod queue;
mod worker;
