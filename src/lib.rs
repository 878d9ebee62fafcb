#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod context;
pub mod docs;
mod error;
mod home;
mod level;
#[cfg(feature = "redis")]
mod link;
mod message;
mod policy;
mod render;
mod salver;
mod settle;
pub mod store;
pub mod testing;
#[cfg(feature = "web")]
pub mod web;
pub mod wire;

pub use crate::context::{Context, IntoView, SessionId, View};
pub use crate::error::Error;
pub use crate::level::Level;
pub use crate::message::{Action, Autoclose, Format, Message, MessageId};
pub use crate::render::{STYLESHEET, fragment};
pub use crate::salver::{Added, Salver, SalverBuilder};
#[cfg(feature = "web")]
pub use crate::web::{Messages, Pending};

/// The limits of a message, each with the harm that it stops.
pub mod limits {
    pub use crate::message::{
        MAX_DATA, MAX_DELAY, MAX_LABEL, MAX_MESSAGE, MAX_TAG, MAX_TEXT, MAX_TITLE, MAX_URL,
    };
    pub use crate::store::{MAX_CONTEXTS, MAX_MESSAGES};
}

/// What the Redis store needs from outside: the one place with types of other crates.
#[cfg(feature = "redis")]
pub mod redis {
    pub use crate::store::RedisStore;
    /// A pool of connections that the caller brings, of the `deadpool-redis` crate.
    pub use deadpool_redis::Pool;
}
