//! The storage of what deliveries have in common over all processes: one trait, for the memory of this process and for Redis.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store_trait;

use std::sync::Arc;

use crate::store::{Backend, BackendKind};
use crate::webhooks::store::memory::MemoryDeliveries;
#[cfg(feature = "redis")]
use crate::webhooks::store::redis::RedisDeliveries;
use crate::webhooks::store::store_trait::DeliveryStore;
pub(super) use crate::webhooks::store::store_trait::{
    Delivered, EndpointKey, Permission, RootKey, Sent, Slot,
};
use crate::{Error, Salver};

/// Returns the storage of deliveries beside the messages of a handle.
///
/// # Errors
///
/// `is_misconfigured` for a custom store, which has no place for it.
pub(super) fn of(salver: &Salver) -> Result<Arc<dyn DeliveryStore>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryDeliveries::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisDeliveries::new(client))),
        BackendKind::Custom => Err(Error::misconfigured(
            "endpoints are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
        )),
    }
}
