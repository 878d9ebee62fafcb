//! Events and subscriptions: everyone who has subscribed is notified, once.
//!
//! - [`Salver::publish`](crate::Salver::publish) publishes an [`Event`], something that happened.
//! - [`Salver::subscribe`](crate::Salver::subscribe) subscribes a user or an e-mail address to events of a type, narrowed
//!   by the subject and by filters.
//! - [`Worker::render`](crate::jobs::Worker::render) decides how people are notified. They find it in their inboxes, and are
//!   mailed as they like.
//!
//! Layer: above the inbox and the jobs. The subscriptions are in keys of their own.
//!
//! # Examples
//!
//! ```
//! use salver::events::EventType;
//! use salver::{InboxFilter, Message, Recipient, Salver};
//!
//! const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
//! let salver = Salver::memory("wiki")?;
//! let ada = Recipient::user(7);
//! salver.subscribe(&ada, EDIT_IN_LANGUAGE.subscription().filter("language", "de")).await?;
//!
//! let worker = salver.worker().render(&EDIT_IN_LANGUAGE, |event, _matched| async move {
//!     let title: String = event.get_data()?;
//!     Ok(Message::info(format!("{title} was edited.")))
//! });
//! worker.publish(EDIT_IN_LANGUAGE.event().filter("language", "de").data("Ports")).await?;
//! worker.publish(EDIT_IN_LANGUAGE.event().filter("language", "en").data("Harbours")).await?;
//!
//! let page = salver.inbox(&ada).list(&InboxFilter::all(), None).await?;
//! assert_eq!(page.rows.len(), 1);
//! assert_eq!(page.rows[0].newest.text(), "Ports was edited.");
//! # Ok(()) }
//! ```

mod activation;
#[cfg(feature = "webhooks")]
mod endpoints;
mod event;
mod event_type;
mod fan_out;
mod formats;
mod limits;
mod linked;
mod pattern;
mod personal_data;
mod publish;
mod registry;
mod store;
mod stored;
mod subscribe;
mod subscription;
#[cfg(feature = "conformance")]
mod testing;
mod worker;

#[cfg(all(feature = "webhooks", feature = "web"))]
pub(crate) use self::endpoints::result_sources;
#[cfg(feature = "webhooks")]
pub(crate) use self::endpoints::{
    ActionName, Actions, DeliveredEvent, EndpointRecord, Generation, REPORT_SOURCE,
    Registry as EndpointRegistry, WebhookTask, delivered_event, endpoint, keep_event, queue_of,
    result_source,
};
#[cfg(feature = "webhooks")]
#[doc(hidden)]
pub use self::endpoints::{EndpointState, MAX_ENDPOINT_TYPES, MAX_ENDPOINTS};
#[cfg(feature = "webhooks")]
pub(crate) use self::event::Cause;
pub use self::event::Event;
pub use self::event_type::EventType;
pub use self::fan_out::renderers::Match;
#[cfg(feature = "webhooks")]
pub(crate) use self::formats::attribute_header::ATTRIBUTE_PREFIX;
#[cfg(feature = "webhooks")]
pub(crate) use self::formats::cloud_event::Attributes;
pub use self::limits::{
    MAX_ALSO, MAX_DESCRIPTION_BYTES, MAX_EVENT_BYTES, MAX_EVENT_ID_BYTES, MAX_EXCEPT,
    MAX_FILTER_NAME_BYTES, MAX_FILTER_SETS, MAX_FILTER_VALUE_BYTES, MAX_FILTERS, MAX_SUBSCRIPTIONS,
};
pub(crate) use self::linked::{Request, Requested, active_subscriptions};
#[cfg(feature = "web")]
pub(crate) use self::linked::{end_subscriptions, restore_subscription};
pub(crate) use self::personal_data::{erase, export};
#[cfg(feature = "webhooks")]
pub(crate) use self::publish::PreparedEvent;
#[cfg(feature = "redis")]
pub use self::store::{
    ADD_FILTER_SET_SCRIPT, INDEX_SCRIPT, MARK_REMOVAL_SCRIPT, REMOVE_FROM_INDEX_SCRIPT,
    SUBSCRIBE_SCRIPT, SUBSCRIPTIONS_SCRIPT, UNSUBSCRIBE_SCRIPT,
};
pub use self::subscription::{Subscribed, Subscription};
#[cfg(feature = "redis")]
#[doc(inline)]
pub use crate::jobs::PUBLISH_SCRIPT;
