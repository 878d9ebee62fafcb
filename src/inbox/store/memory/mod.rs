//! Inboxes in the memory of this process.

mod all;
mod inbox;
#[cfg(feature = "mail")]
mod mail;
mod mails;
mod removed;

pub(super) use self::all::MemoryInboxes;
