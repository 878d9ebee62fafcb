//! The storage of suppressed addresses: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::mail::suppression::memory::MemorySuppressions;
#[cfg(feature = "redis")]
use crate::mail::suppression::redis::RedisSuppressions;
use crate::mail::suppression::store_trait::SuppressionStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of suppressed addresses beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn SuppressionStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(memory.data.get::<MemorySuppressions>()),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisSuppressions::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "suppressed addresses are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
