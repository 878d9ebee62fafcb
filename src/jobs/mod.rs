//! Jobs: work that is done after a request, by workers, at least once.
//!
//! A job has an id that is derived from what it does, so that a step that runs twice adds it once. A worker
//! leases the jobs that are due. If it is killed, another one leases them again when the leases end.
//!
//! Layer: above the handle, below `web`. The modules above add jobs, and handlers that perform them.

#[cfg(all(feature = "webhooks", feature = "web"))]
mod activity;
mod deliveries;
mod enqueue;
#[cfg(feature = "events")]
mod event_log;
#[cfg(feature = "events")]
mod events;
mod handler;
mod health;
mod heartbeat;
mod id;
mod limits;
mod memory;
mod profile;
mod profiles;
mod queues;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod retry_schedule;
mod selected;
mod store;
mod store_trait;
#[cfg(feature = "conformance")]
mod testing;
mod worker;

#[cfg(all(feature = "webhooks", feature = "web"))]
pub(crate) use self::activity::{ACTIVITY_MINUTES, Activity, MinuteCounts};
pub use self::deliveries::{Deliveries, Delivery, DeliveryCounts, DeliveryState, MAX_LISTED};
pub(crate) use self::enqueue::enqueue;
#[cfg(feature = "events")]
pub(crate) use self::event_log::{NewEvent, Published, StoredEvent};
#[cfg(feature = "events")]
pub(crate) use self::events::{due_jobs, event, expire_event, finish, publish};
pub(crate) use self::handler::{Handler, Outcome, read_task};
pub(crate) use self::id::JobId;
pub use self::profile::Profile;
pub(crate) use self::profiles::Profiles;
#[cfg(feature = "events")]
pub(crate) use self::queues::EVENTS_QUEUE;
#[cfg(feature = "webhooks")]
pub(crate) use self::queues::{ACTION_QUEUE, WEBHOOK_QUEUE};
pub(crate) use self::queues::{MAIL_QUEUE, PLAN_QUEUE};
pub use self::record::Attempt;
pub(crate) use self::record::{Record, StoredJob};
#[cfg(all(feature = "events", feature = "redis"))]
pub use self::redis::PUBLISH_SCRIPT;
pub(crate) use self::retry_schedule::RECORD_BACKOFF;
pub(crate) use self::selected::cancel_selected;
#[cfg(feature = "webhooks")]
pub(crate) use self::selected::retry_selected;
pub(crate) use self::store_trait::NewJob;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub use self::testing::TestOutcome;
pub use self::worker::{RunningWorker, Worker};
