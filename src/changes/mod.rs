//! Change notifications by key, and the pending index: the contexts that may have visible messages.

#[cfg_attr(
    not(feature = "redis"),
    expect(dead_code, reason = "only the Redis store has a pending index")
)]
mod dirty_map;
mod fingerprint;
#[cfg(feature = "redis")]
mod freshness;
mod index;
mod listen;
mod listeners;
#[cfg(feature = "redis")]
mod query;
#[cfg(feature = "redis")]
mod resync;
mod source;
#[cfg(all(test, feature = "redis", feature = "web"))]
mod tests;
#[cfg(feature = "redis")]
mod tracked;

#[cfg(all(feature = "inbox", feature = "web", feature = "redis"))]
pub(crate) use self::freshness::Freshness;
pub use self::listen::Listener;
pub use self::source::Changes;
