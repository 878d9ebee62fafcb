//! The storage of the pace of endpoints: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::store::{Backend, BackendKind};
use crate::webhooks::pace::memory::MemoryPace;
#[cfg(feature = "redis")]
use crate::webhooks::pace::redis::RedisPace;
use crate::webhooks::pace::store_trait::PaceStore;
use crate::{Error, Salver};

/// Returns the storage of the pace beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn PaceStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryPace::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisPace::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "endpoints are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
