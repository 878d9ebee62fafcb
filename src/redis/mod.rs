//! Connections to Redis. Layer: above the core types, below `store`. This module handles requests
//! and replies and does not depend on messages.
//!
//! A [`Connection`] is opened on first use and reopened after it breaks: to one server, to the
//! primary that Sentinels report, or to a Cluster. Each connection belongs to one runtime: that of
//! an actix worker, or the background runtime. Its driver and its connection attempts therefore do
//! not end with another runtime. A request is polled by the task that waits for it. The caller sets
//! the deadline.

#[cfg(feature = "web")]
mod batch;
mod classify;
mod client;
mod connect;
mod connection;
mod in_flight;
#[cfg(feature = "inbox")]
mod partition;
mod parts;
mod raw_connection;
mod replication;
mod reply;
mod request;
mod retry;
mod server_reply;
#[cfg(feature = "cluster")]
mod slot_map;
mod tracking;

#[cfg(feature = "web")]
pub(crate) use self::batch::Batch;
pub(crate) use self::client::Client;
#[cfg(feature = "tls")]
pub(crate) use self::connect::TlsConfig;
pub(crate) use self::connect::{ConnectionConfig, Topology};
pub(crate) use self::parts::{Parts, parse};
pub(crate) use self::request::{Idempotency, Request, Script};
pub(crate) use self::tracking::connection::TrackingConnection;
pub(crate) use self::tracking::entries::TrackingHandler;
pub(crate) use self::tracking::tracker::Registration;
