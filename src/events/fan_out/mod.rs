//! The fan-out of events: each recipient who has subscribed is notified, in steps that may be repeated.

pub(super) mod handler;
pub(super) mod matched;
pub(super) mod notifier;
pub(super) mod notify_all;
pub(super) mod page;
pub(super) mod people;
pub(super) mod renderers;
pub(super) mod step_error;
mod task;
