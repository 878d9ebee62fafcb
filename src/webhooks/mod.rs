//! Signed webhooks: other programs are notified of events, over HTTP.
//!
//! - [`Salver::endpoints`](crate::Salver::endpoints) registers the URLs of other programs, each with a secret of its own.
//! - [`Worker::webhooks`](crate::jobs::Worker::webhooks) delivers events to them: as structured CloudEvents, signed as
//!   [Standard Webhooks](https://www.standardwebhooks.com) describes, at least once.
//! - [`Worker::on`](crate::jobs::Worker::on) calls a function with them instead.
//! - `salver worker --exec` runs a [program on its machine](crate::docs::broker#local-programs).
//! - [`Verifier`] verifies webhooks in a program that receives them, from Salver or from others.
//!
//! What an endpoint, a function or a program answers can be an event of its own, with the attribute `causationid`.
//!
//! # Limits
//!
//! - An endpoint has four deliveries at the same time, and 600 a minute unless it is registered with another
//!   [rate](Endpoint::rate). Deliveries over that wait for a slot, which counts as no attempt.
//! - A request takes at most 15 seconds. One that fails is repeated as each job of a [worker](crate::jobs::Worker) is, for about
//!   3.5 days, but not before the time that the endpoint asks for by `Retry-After`.
//! - Then the delivery is dead: it is listed for 14 days, and can be [retried](crate::jobs::Deliveries::retry) or
//!   [replayed](crate::jobs::Deliveries::replay). An event of the type [`DELIVERY_DEAD`] says so.
//! - An endpoint that answers 410, or whose deliveries have all failed for 5 days, is disabled. An event of the type
//!   [`ENDPOINT_DISABLED`] says so.
//! - A response is read only with status 200 or 201, and if the endpoint has [results](Endpoint::results). One that breaks in
//!   its body, or is not complete within the 15 seconds, is a failed attempt. After one over 64 KiB the delivery is dead.
//!
//! # What an endpoint can be
//!
//! A URL is the choice of the program that registers it. It begins with `https`, and its host is public, unless the site
//! [allows](crate::SalverBuilder::allow_endpoint_networks) its network. Redirects are not followed, and no proxy is used.
//!
//! All processes of a site, and all its workers, are built with this feature if one is: a worker without it fans out events
//! without delivering them.
//!
//! # Examples
//!
//! ```
//! use salver::Salver;
//! use salver::events::Event;
//! use salver::webhooks::Endpoint;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
//! // A site has 32 random bytes, the same in all processes.
//! let salver = Salver::builder("shop").secret([7; 32]).build()?;
//! let endpoint = Endpoint::new("https://partner.example/hooks").types(["order.paid"]);
//! let (id, secret) = salver.endpoints().add(endpoint).await?;
//! assert!(secret.starts_with("whsec_"));
//!
//! salver.publish(Event::new("order.paid").subject("orders/7").data(12)).await?;
//! let worker = salver.worker().webhooks();
//! // In a site: let running = worker.start()?;
//! # let _ = (id, worker);
//! # Ok(()) }
//! ```
//!
//! Layer: above events, whose fan-out finds the endpoints, and above mail.

mod actions;
mod delivery;
mod endpoint;
mod endpoints;
mod generations;
mod handshake;
mod limits;
mod pace;
mod replay;
mod reports;
mod results;
mod secret;
mod signature;
mod store;
mod transport;
mod validators;
mod verifier;
mod worker;

pub use self::endpoint::{Endpoint, RegisteredEndpoint};
pub use self::endpoints::Endpoints;
pub use self::limits::{
    DEFAULT_RATE, MAX_FAILING, MAX_IN_FLIGHT, MAX_OLD_SECRETS, MAX_RATE, MAX_RESPONSE_BYTES,
    MAX_RESULT_DEPTH, MAX_RESULTS, MAX_RETRY_AFTER, MAX_URL_BYTES, MAX_VALIDATORS,
    MIN_SECRET_BYTES, OLD_SECRET_TTL, REQUEST_TIMEOUT, TIMESTAMP_TOLERANCE,
};
pub use self::reports::{DELIVERY_DEAD, ENDPOINT_DISABLED};
#[cfg(feature = "web")]
pub(crate) use self::validators::{ServedValidators, Validators, Verdict};
pub use self::verifier::Verifier;
pub use crate::events::{EndpointState, MAX_ENDPOINT_TYPES, MAX_ENDPOINTS};
