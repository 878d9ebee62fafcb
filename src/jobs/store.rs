//! The storage of jobs: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::jobs::memory::MemoryJobs;
#[cfg(feature = "redis")]
use crate::jobs::redis::RedisJobs;
use crate::jobs::store_trait::JobStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of jobs beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn JobStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryJobs::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisJobs::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "jobs are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
