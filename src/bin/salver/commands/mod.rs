//! The commands, one in each file.

pub(crate) mod add;
pub(crate) mod doctor;
pub(crate) mod due;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod notify;
pub(crate) mod online;
pub(crate) mod peek;
pub(crate) mod publish;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod subscriptions;
pub(crate) mod sweep;
pub(crate) mod tail;
#[cfg(feature = "server")]
pub(crate) mod tokens;
pub(crate) mod why;
pub(crate) mod worker;
