//! The extractors for handlers: [`Messages`] adds, [`Pending`] reads.

mod messages;
mod pending;
#[cfg(feature = "inbox")]
mod recipient;

pub use self::messages::Messages;
pub use self::pending::Pending;
