//! The in-memory store: one process, one lock, expiry checked on read.

mod clock;
mod sorted_set;
mod state;
mod store;

pub use self::clock::Clock;
pub use self::store::MemoryStore;
