//! Floor 1: connections to Redis. Knows requests and replies; no word about messages.
//!
//! A [`Line`] is one multiplexed connection that is dialled when first needed and again after it broke. A
//! line lives in one place: on the runtime of an actix worker, or on Salver's own thread, so that its
//! driver and its dialling end with no other runtime. The caller sets the deadline.

mod dial;
mod fault;
mod line;

pub(crate) use dial::Dialer;
pub(crate) use line::{Ask, Effect, Line};
