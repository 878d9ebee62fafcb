//! Floor 1: connections to Redis. Knows requests and replies; no word about messages.
//!
//! A [`Line`] is one connection that is dialled when first needed and again after it broke: to one server, to
//! the primary that Sentinels name, or to a Cluster. A line lives in one place: on the runtime of an actix
//! worker, or on Salver's own thread, so that its driver and its dialling end with no other runtime; a request
//! is driven by whoever waits for it. The caller sets the deadline.

mod answer;
mod ask;
mod dial;
mod fault;
mod line;
mod listening;
mod replicated;
mod waiting;
mod wire;

pub(crate) use ask::{Ask, Effect, Lua};
#[cfg(feature = "tls")]
pub(crate) use dial::Tls;
pub(crate) use dial::{Addresses, Dialer, Topology};
pub(crate) use line::Line;
pub(crate) use listening::{Listener, Listening};
pub(crate) use replicated::Replicated;
