// The first definition of a link counts: README's lead to files, these to pages.
//! [guide]: crate::docs::guide
//! [design]: crate::docs::design
//! [data]: crate::docs::data
//! [deployment]: crate::docs::deployment
//! [promises]: crate::docs::promises
//! [observing]: crate::docs::observing
//! [migrating]: crate::docs::migrating
//! [contributing]: crate::docs::contributing
//! [changelog]: crate::docs::changelog
//! [`add.lua`]: crate::store::ADD_SCRIPT
#![doc = concat!("[picture]: data:image/png;base64,", include_str!("docs/messages.base64"))]
#![doc = concat!("[plot]: data:image/svg+xml;base64,", include_str!("docs/plot.base64"))]
//!
#![doc = include_str!("../README.md")]
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | [`Message`], [`MessageId`], [`Level`] | what is shown, which one, how loud |
//! | [`Messages`] | the extractor a handler adds through |
//! | [`Pending`] | the messages claimed for this page, ready for the template |
//! | [`Salver`] | the handle: a store and a policy |
//! | [`SessionId`], [`View`], [`Context`] | whose, on which page; an address is all three with the application |
//! | [`Store`](store::Store), [`Claim`](store::Claim) | keeps messages; messages held under a lease until confirmed or released |
//! | slot | the empty `<salver-messages></salver-messages>` of a page |
//! | add | put one message into a context |
//! | peek, claim, take | read without removing; read under a lease; read and remove at once |
//! | confirm, release | end a claim: shown, never again; not shown, give it back |
//! | now | show on this response only |
//! | keep | what is pending stays pending, whatever the response |
//! | retract, clear | remove by tag or id; remove all of a context or session |
//! | migrate; renew, forget | carry messages to a new session id; login, logout |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `redis` | yes | the Redis store and its connections |
//! | `web` | yes | actix-web: middleware, extractors, routes |
//! | `cluster` | no | Redis Cluster |
//! | `tls` | no | TLS to Redis: `rediss://`, a CA of your own, a client certificate |
//! | `metrics` | no | counts through the facade of the `metrics` crate |
//! | `markdown` | no | draws the messages that ask for it as Markdown, sanitised |
//! | `actix-session` | no | keeps the visitor's token in a session of that crate |
//! | `live` | no | messages on pages that are already open: streams, and the page script |
//! | `conformance` | no | the laws of a store as tests, for stores of your own |
//! | `cli` | no | the tool `salver`, for a shell: [the page](docs::tool) |
//!
//! The long pages are in [`docs`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(any(feature = "redis", feature = "live"))]
mod backoff;
mod breaker;
mod call_policy;
mod changes;
mod config;
mod context;
mod deadline;
pub mod docs;
mod error;
mod handle;
mod log_limit;
mod message;
#[cfg(feature = "redis")]
mod redis;
mod render;
mod runtime;
mod settlement;
pub mod store;
mod telemetry;
pub mod testing;
mod validate;
#[cfg(feature = "web")]
pub mod web;
pub mod wire;

pub use crate::context::{Context, IntoView, SessionId, View};
pub use crate::error::Error;
pub use crate::handle::{Added, Health, PendingIndex, Salver, SalverBuilder};
pub use crate::message::{Action, Autoclose, Format, Level, Message, MessageId};
pub use crate::render::{STYLESHEET, fragment};
#[cfg(feature = "web")]
pub use crate::web::extract::{Messages, Pending};

/// The limits of a message, each with the harm that it stops.
pub mod limits {
    pub use crate::config::{MAX_CONTEXTS, MAX_MESSAGES};
    pub use crate::message::{
        MAX_DATA, MAX_DELAY, MAX_DEPTH, MAX_KEY, MAX_LABEL, MAX_MESSAGE, MAX_TAG, MAX_TEXT,
        MAX_TITLE, MAX_URL,
    };
}

/// The crate whose connection pools [`RedisStore`](store::RedisStore) takes.
#[cfg(feature = "redis")]
pub use deadpool_redis;
