//! Signed webhooks: other programs are told of events, over HTTP.
//!
//! Layer: above events, whose fan-out finds the endpoints, and above mail.

#[cfg_attr(not(test), expect(dead_code, reason = "the deliveries use it"))]
mod guard;
mod networks;
