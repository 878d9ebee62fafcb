//! Requests to endpoints: the client, and the guard that refuses hosts which may not be called.

pub(super) mod client;
pub(super) mod guard;
pub(super) mod networks;
pub(super) mod retry_after;
