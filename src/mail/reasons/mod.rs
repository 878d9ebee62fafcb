//! Why a recipient is notified: the subscriptions that are active when a mail is sent. Without the feature `events` there
//! are none.

#[cfg(not(feature = "events"))]
mod disabled;
#[cfg(feature = "events")]
mod enabled;

#[cfg(not(feature = "events"))]
pub(super) use self::disabled::Reasons;
#[cfg(feature = "events")]
pub(super) use self::enabled::Reasons;
