//! Signed webhooks: other programs are told of events, over HTTP.
//!
//! Layer: above events, whose fan-out finds the endpoints, and above mail.
