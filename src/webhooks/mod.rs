//! Signed webhooks: other programs are told of events, over HTTP.
//!
//! - [`Salver::endpoints`](crate::Salver::endpoints) registers the URLs of other programs, each with a secret of its own.
//! - [`Worker::webhooks`](crate::jobs::Worker::webhooks) delivers events to them: as structured CloudEvents, signed as
//!   [Standard Webhooks](https://www.standardwebhooks.com) describes, at least once.
//!
//! Layer: above events, whose fan-out finds the endpoints, and above mail.

mod actions;
mod client;
mod delivery;
mod endpoint;
mod endpoints;
mod guard;
mod handshake;
mod limits;
mod networks;
mod pace;
mod replay;
mod reports;
mod results;
mod retry_after;
mod secret;
mod signature;
mod store;
mod worker;

pub use self::endpoint::{Endpoint, RegisteredEndpoint};
pub use self::endpoints::Endpoints;
pub use self::limits::{
    DEFAULT_RATE, MAX_FAILING, MAX_IN_FLIGHT, MAX_RATE, MAX_RESPONSE_BYTES, MAX_RESULT_DEPTH,
    MAX_RESULTS, MAX_RETRY_AFTER, MAX_URL_BYTES, OLD_SECRET_TTL, REQUEST_TIMEOUT,
};
pub use self::reports::{DELIVERY_DEAD, ENDPOINT_DISABLED};
pub use crate::events::{EndpointState, MAX_ENDPOINT_TYPES, MAX_ENDPOINTS};
