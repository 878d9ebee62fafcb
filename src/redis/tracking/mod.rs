//! Client-side caching: reports of changed keys, from each server that has some.

pub(super) mod backoff;
pub(super) mod connection;
pub(super) mod entries;
pub(super) mod server;
pub(super) mod task;
#[cfg(feature = "cluster")]
pub(super) mod topology;
pub(super) mod tracker;
