//! The storage of rate limits: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::rate_limits::memory::MemoryRateLimits;
#[cfg(feature = "redis")]
use crate::rate_limits::redis::RedisRateLimits;
use crate::rate_limits::store_trait::RateLimitStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of rate limits beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn RateLimitStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryRateLimits::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisRateLimits::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "rate limits are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
