//! The storage of presence: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::inbox::presence::memory::MemoryPresence;
#[cfg(feature = "redis")]
use crate::inbox::presence::redis::RedisPresence;
use crate::inbox::presence::store_trait::PresenceStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of presence beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn PresenceStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryPresence::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisPresence::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "presence is stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
