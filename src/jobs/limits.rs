//! The limits of queues, each with the reason for its value.

use std::time::Duration;

/// How long jobs that are done are remembered, so that a repeat does not enqueue them again.
pub(super) const DONE_TTL: Duration = Duration::from_secs(60 * 60);
/// Most jobs that are done and remembered, in each partition. Bounds their memory.
pub(super) const MAX_DONE: usize = 100_000;
/// How long dead jobs wait for an operator.
pub(super) const DEAD_TTL: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Most dead jobs, in each partition. Stops a template that always fails from filling the store.
pub(super) const MAX_DEAD: usize = 10_000;
