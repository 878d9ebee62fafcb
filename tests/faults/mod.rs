//! The guarantees under faults. Each scenario prints one row of the fault table, which begins with
//! `FAULT <scenario> n=…`.
//!
//! `tests/run faults` runs the default profile. `tests/run --full faults` sets `SALVER_TEST_FULL=1`
//! and runs the full profile. The page `salver::docs::guarantees` names the test of each sentence.

mod acl;
mod cancellation;
mod cluster;
mod concurrent_tabs;
mod crashes;
mod error_replies;
mod events;
mod failover;
mod failover_clients;
mod fault_matrix;
mod inbox;
mod injection;
mod inputs;
mod mail;
mod model;
mod replicas;
mod response_bodies;
mod secrets;
mod server_replies;
mod session_lifecycle;
pub mod shared_cache;
mod stops;
mod streams;
mod tls_and_auth;
mod webhooks;
mod whole;
