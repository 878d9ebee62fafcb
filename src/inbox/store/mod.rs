//! The storage of inboxes: one trait, for the memory of this process and for Redis.

#[cfg(feature = "mail")]
mod mail_store;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store_trait;

use std::sync::Arc;

#[cfg(feature = "web")]
use crate::inbox::changes::InboxChanges;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

#[cfg(feature = "mail")]
pub(super) use self::mail_store::MailStore;
#[cfg(feature = "redis")]
pub use self::redis::{COUNTS_SCRIPT, LIST_SCRIPT, MARK_SCRIPT, NOTIFY_SCRIPT};
pub(super) use self::store_trait::{
    AddOutcome, Change, Entry, InboxStore, Marked, NewNotification, Page, Place,
};
#[cfg(feature = "mail")]
pub(super) use self::store_trait::{AddReply, MailRule};

/// Returns the storage of inboxes beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn InboxStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(memory::MemoryInboxes::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(redis::RedisInboxes::new(client))),
        BackendKind::Custom => Err(unsupported()),
    }
}

/// Returns the storage of what is mailed, beside the messages of a handle.
///
/// # Errors
///
/// As [`of`].
#[cfg(feature = "mail")]
pub(super) fn mails_of(salver: &Salver) -> Result<Arc<dyn MailStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(memory::MemoryInboxes::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(redis::RedisMails::new(client))),
        BackendKind::Custom => Err(unsupported()),
    }
}

/// Returns the changes of the inboxes beside the messages of a handle.
///
/// # Errors
///
/// As [`of`]; `is_unavailable` when the background thread cannot be started.
#[cfg(feature = "web")]
pub(super) fn changes_of(salver: &Salver) -> Result<Arc<InboxChanges>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(memory.data.get()),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => {
            let tracking = salver.extension::<redis::InboxTracking>();
            tracking.changes(&client, salver.app())
        }
        BackendKind::Custom => Err(unsupported()),
    }
}

fn unsupported() -> Error {
    Error::misconfigured(
        "inboxes are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
    )
}
