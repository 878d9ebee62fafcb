//! The extractors for handlers: [`Messages`] adds, [`Pending`] reads.

mod messages;
mod pending;

pub use self::messages::Messages;
pub use self::pending::Pending;
