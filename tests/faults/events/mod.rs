//! Events under faults. Each test prints one row of the fault table, which begins with `FAULT events_<name> n=…`. The
//! inboxes are counted, by a handle of its own.

mod aborts;
mod changes;
mod cluster;
mod conflicts;
mod emptied;
mod erased;
mod failover;
mod kill;
pub mod misconfigured;
mod moved_clock;
mod paused;
mod proxy;
mod redis_kill;
mod refused;
mod removed;
mod renderers;
pub mod scene;
mod stops;
