//! Webhooks under faults. Each test prints one row of the fault table, which begins with `FAULT webhooks_<name> n=…`. What
//! has arrived is counted in the file of a receiver in Python.

mod answers;
mod broker_kill;
mod changes;
mod cluster;
mod failover;
mod loops;
mod moved_clock;
mod outage;
mod programs;
mod publishers;
mod redis;
mod replies;
pub mod scene;
mod settings;
mod stops;
mod workers;
