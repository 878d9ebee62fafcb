//! The forms of events: their data, how they are stored, and CloudEvents of other programs.

#[cfg(feature = "webhooks")]
pub(super) mod attribute_header;
pub(super) mod body;
pub(super) mod canonical;
#[cfg(feature = "webhooks")]
pub(super) mod cloud_event;
pub(super) mod payload;
