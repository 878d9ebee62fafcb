//! The storage of tokens: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

use crate::broker::tokens::memory::MemoryTokens;
#[cfg(feature = "redis")]
use crate::broker::tokens::redis::RedisTokens;
use crate::broker::tokens::store_trait::TokenStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of tokens beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn TokenStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(memory.data.get::<MemoryTokens>()),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisTokens::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "tokens are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
