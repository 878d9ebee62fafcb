//! The Redis store: every operation on messages is one Lua script.

mod builder;
#[cfg(feature = "cluster")]
mod cluster_migration;
mod health;
mod keys;
mod pending_index;
mod resync;
mod scan;
pub(crate) mod scripts;
#[cfg(all(feature = "inbox", feature = "live"))]
mod session_end;
mod store;
mod sweep;

pub use self::builder::RedisStoreBuilder;
pub use self::scripts::ADD as ADD_SCRIPT;
#[cfg(all(feature = "inbox", feature = "live"))]
pub(crate) use self::session_end::{SessionEnd, SessionEnds};
pub use self::store::RedisStore;
