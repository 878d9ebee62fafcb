//! Jobs and the workers that perform them.

mod queue;
mod worker;
