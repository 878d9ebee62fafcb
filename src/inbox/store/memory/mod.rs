//! Inboxes in the memory of this process.

mod all;
mod inbox;
mod removed;

pub(super) use self::all::MemoryInboxes;
