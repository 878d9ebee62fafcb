// The first definition of a Markdown link label wins: README links to files, these link to pages.
//! [docs]: crate::docs
//! [quickstart]: crate::docs::quickstart
//! [benchmarks]: crate::docs::benchmarks
//! [guide]: crate::docs::guide
//! [broker]: crate::docs::broker
//! [storage_format]: crate::docs::storage_format
//! [deployment]: crate::docs::deployment
//! [guarantees]: crate::docs::guarantees
//! [cli]: crate::docs::cli
//! [seeds]: crate::docs::seeds
//! [observability]: crate::docs::observability
//! [`add.lua`]: crate::store::ADD_SCRIPT
#![doc = concat!("[picture]: data:image/png;base64,", include_str!("docs/messages.base64"))]
#![doc = concat!("[plot]: data:image/svg+xml;base64,", include_str!("docs/mixed.base64"))]
//!
#![doc = include_str!("../README.md")]
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | [`Message`], [`MessageId`], [`Level`] | a message, its id (a UUIDv7), its severity |
//! | [`SessionId`], [`View`] | the id of a visitor's session; the name of a page, by default its route pattern |
//! | [`Context`] | application, session and view: the key under which messages are stored |
//! | [`Salver`] | the handle of an application: its name, a store and the configuration |
//! | [`Messages`] | the extractor through which a handler adds messages |
//! | [`Pending`] | the extractor that claims the visible messages of a page, for a template that renders them |
//! | [`Store`](store::Store) | the storage backend: Redis, the memory of the process, or a custom one |
//! | [`Claim`](store::Claim), lease | messages reserved for one reader; how long they are reserved, 15 s by default |
//! | slot | the empty element `<salver-messages></salver-messages>` of a page, which the middleware fills |
//! | pending, visible | stored and not removed; pending, and neither delayed, claimed nor expired |
//! | add | store a message in a context |
//! | displaced | removed by an add because the context was full; the page shows "and N more" |
//! | peek | read the visible messages without changing anything |
//! | claim | read the visible messages and hide them from other readers until the lease expires |
//! | take | read the visible messages and remove them, in one step (two in a Cluster) |
//! | confirm | remove the messages of a claim, because they were shown |
//! | release | make the messages of a claim visible again, because they were not shown |
//! | now | show a message on the current response only, without storing it |
//! | settle | confirm or release a claim |
//! | keep | leave the pending messages in the store, whatever the response |
//! | retract | remove messages of a context by tag or id |
//! | clear | remove all messages of a context or of a session |
//! | migrate | move all messages to another session id |
//! | renew | issue a new session id and migrate the messages to it, at a login |
//! | close_session | remove all messages of a session and reject further adds to it, at a logout |
//! | sweep | remove all messages of an application that are older than a given age |
//! | listen | wait for changes in a context: [`Salver::listen`] |
//! | pending index | a record, in each process, of the contexts that may have messages; a page of another context sends no query ([`PendingIndex`]) |
//! | hint cookie | a cookie with a constant value and a lifetime of five seconds, set when a request changes messages: the next pages of this visitor send a query in every process |
//! | partial | a fragment of HTML that htmx or Turbo requests and inserts into an open page |
//! | [`Recipient`], [`Notification`] | a person; a message for a person, which stays until it is read |
//! | [`Inbox`] | the notifications of one recipient |
//! | kind, subject, group, actor | what happened; the object it is about; what is one row of the list; who caused it |
//! | unseen, unread, archived | newer than the last one that was seen in a list; not opened or marked; out of the list, and read |
//! | position | the place of a notification in its inbox: unique, and higher than that of any earlier one |
//! | notify | add a notification to the inboxes of recipients |
//! | [`Event`](events::Event), [`EventType`](events::EventType) | something that happened; its type, with the names of the filters by which subscriptions narrow it |
//! | publish | store an event, of which all subscribers are notified by a worker |
//! | [`Subscription`](events::Subscription), subscribe | the interest of a recipient in events of a type, with a subject or values of filters |
//! | pending subscription, activate | that of an e-mail address before its link was opened; open the link |
//! | fan-out, step | the notifications of an event to its subscribers; those of up to 500 of them |
//! | erase, export | remove, return all that is stored about a recipient |
//!
//! The long pages are in [`docs`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod backoff;
mod breaker;
#[cfg(all(feature = "webhooks", feature = "web"))]
pub mod broker;
#[cfg(feature = "mail")]
mod cadence;
#[cfg(feature = "conformance")]
mod call_counter;
mod call_policy;
mod changes;
mod config;
mod context;
mod deadline;
#[cfg(feature = "inbox")]
mod digest;
pub mod docs;
mod error;
#[cfg(feature = "events")]
pub mod events;
#[cfg(any(feature = "web", feature = "inbox"))]
mod extensions;
mod handle;
#[cfg(feature = "inbox")]
pub mod inbox;
#[cfg(feature = "jobs")]
pub mod jobs;
#[cfg(feature = "inbox")]
mod kind;
mod log_limit;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(feature = "mail")]
mod mail_settings;
mod message;
#[cfg(feature = "inbox")]
mod personal_data;
#[cfg(feature = "events")]
mod rate_limits;
#[cfg(feature = "inbox")]
mod recipient;
#[cfg(feature = "redis")]
mod redis;
mod render;
mod runtime;
#[cfg(feature = "mail")]
mod secret;
mod settlement;
#[cfg(feature = "mail")]
mod site;
pub mod store;
mod telemetry;
pub mod testing;
mod validate;
#[cfg(feature = "web")]
pub mod web;
#[cfg(feature = "webhooks")]
mod webhook_settings;
#[cfg(feature = "webhooks")]
pub mod webhooks;
pub mod wire;

pub use crate::context::{Context, IntoView, SessionId, View};
pub use crate::error::Error;
pub use crate::handle::{Added, Health, PendingIndex, Salver, SalverBuilder};
#[cfg(feature = "inbox")]
pub use crate::inbox::{Inbox, InboxFilter, Notification, ReadState};
#[cfg(any(feature = "web", feature = "mail"))]
pub use crate::message::Translation;
pub use crate::message::{Action, Autoclose, Format, Level, Message, MessageId};
#[cfg(feature = "inbox")]
pub use crate::recipient::Recipient;
pub use crate::render::{STYLESHEET, fragment};
#[cfg(feature = "web")]
pub use crate::web::extract::{Messages, Pending};

/// The limits of a message, of a context and of a session, each with the reason for its value.
pub mod limits {
    pub use crate::config::{MAX_CONTEXTS, MAX_MESSAGES};
    pub use crate::message::{
        MAX_DATA_BYTES, MAX_DATA_DEPTH, MAX_DELAY, MAX_KEY_BYTES, MAX_LABEL_BYTES,
        MAX_MESSAGE_BYTES, MAX_TAG_BYTES, MAX_TEXT_BYTES, MAX_TITLE_BYTES, MAX_URL_BYTES,
    };
}

/// The crate whose connection pools [`RedisStore`](store::RedisStore) accepts.
#[cfg(feature = "redis")]
pub use deadpool_redis;
