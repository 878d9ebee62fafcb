//! Floor 1: connections to Redis. Knows requests and replies; no word about messages.
//!
//! A [`Line`] is one connection that is dialled when first needed and again after it broke: to one server, to
//! the primary that Sentinels name, or to a Cluster. A line lives in one place: on the runtime of an actix
//! worker, or on Salver's own thread, so that its driver and its dialling end with no other runtime; a request
//! is driven by whoever waits for it. The caller sets the deadline.

mod classify;
mod connect;
mod connection;
mod in_flight;
mod raw;
mod replication;
mod reply;
mod request;
mod retry;
mod tracking;

#[cfg(feature = "tls")]
pub(crate) use self::connect::TlsConfig;
pub(crate) use self::connect::{ConnectionConfig, Connector, Topology};
pub(crate) use self::connection::Connection;
pub(crate) use self::replication::ReplicatedWriter;
pub(crate) use self::request::{Idempotency, Request, Script};
pub(crate) use self::tracking::{InvalidationHandler, TrackingConnection};
