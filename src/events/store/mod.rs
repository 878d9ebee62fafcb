//! The storage of subscriptions: one trait, for the memory of this process and for Redis.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store_trait;

use std::sync::Arc;

#[cfg(feature = "redis")]
pub use self::redis::{
    ADD_FILTER_SET_SCRIPT, INDEX_SCRIPT, MARK_REMOVAL_SCRIPT, REMOVE_FROM_INDEX_SCRIPT,
    SUBSCRIBE_SCRIPT, SUBSCRIPTIONS_SCRIPT, UNSUBSCRIBE_SCRIPT,
};
pub(super) use self::store_trait::{
    Activated, IndexKey, NewSubscription, Range, SubscriptionStore,
};
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the storage of subscriptions beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn SubscriptionStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(memory::MemorySubscriptions::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(redis::RedisSubscriptions::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "subscriptions are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
