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
mod tracking;

#[cfg(feature = "tls")]
pub(crate) use self::connect::Tls;
pub(crate) use self::connect::{Addresses, Dialer, Topology};
pub(crate) use self::connection::Line;
pub(crate) use self::replication::Replicated;
pub(crate) use self::request::{Ask, Effect, Lua};
pub(crate) use self::tracking::{Listener, Listening};
