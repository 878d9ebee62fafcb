//! Webhooks under faults. Each test prints one row of the fault table, which begins with `FAULT webhooks_<name> n=…`. What
//! has arrived is counted in the file of a receiver in Python.

mod answers;
mod broker_kill;
mod loops;
mod outage;
mod publishers;
mod scene;
mod stops;
