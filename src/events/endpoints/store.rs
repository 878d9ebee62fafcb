//! The storage of endpoints: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::events::endpoints::memory::MemoryEndpoints;
#[cfg(feature = "redis")]
use crate::events::endpoints::redis::RedisEndpoints;
use crate::events::endpoints::store_trait::EndpointStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of endpoints beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn EndpointStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(memory.data.get::<MemoryEndpoints>()),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisEndpoints::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "endpoints are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
