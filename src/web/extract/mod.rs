//! The extractors of handlers.

mod messages;
mod pending;

pub use self::messages::Messages;
pub use self::pending::Pending;
