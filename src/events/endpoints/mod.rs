//! Endpoints: the URLs of other programs that get events. They are found by the fan-out of an event, so that each
//! worker that fans out events enqueues the deliveries. `webhooks` makes the requests.

mod actions;
mod cache;
mod deliveries;
mod limits;
mod memory;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod registry;
mod shared_reads;
mod store;
mod store_trait;

pub(crate) use self::actions::{ActionName, Actions};
pub(crate) use self::cache::endpoint;
#[cfg(feature = "web")]
pub(crate) use self::deliveries::result_sources;
pub(crate) use self::deliveries::{
    DeliveredEvent, EventDeliveries, WebhookTask, delivered_event, keep_event, queue_of,
    result_source,
};
pub use self::limits::{MAX_ENDPOINT_TYPES, MAX_ENDPOINTS};
pub use self::record::EndpointState;
pub(crate) use self::record::{EndpointRecord, Generation, REPORT_SOURCE};
pub(crate) use self::registry::Registry;
