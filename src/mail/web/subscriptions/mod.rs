//! The subscriptions of a link by which people unsubscribe. Without the feature `events` it has none.

#[cfg(not(feature = "events"))]
mod disabled;
#[cfg(feature = "events")]
mod enabled;

#[cfg(not(feature = "events"))]
pub(super) use self::disabled::{Ended, end, names, restore};
#[cfg(feature = "events")]
pub(super) use self::enabled::{Ended, end, names, restore};
