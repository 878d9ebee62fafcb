//! The storage of jobs: one trait, for the memory of this process and for Redis.

use std::sync::Arc;

#[cfg(feature = "events")]
use crate::jobs::event_log::EventLog;
use crate::jobs::memory::MemoryJobs;
#[cfg(feature = "redis")]
use crate::jobs::redis::RedisJobs;
use crate::jobs::store_trait::JobStore;
use crate::store::{Backend, BackendKind};
use crate::{Error, Salver};

/// Returns the log of events beside the messages of a handle.
///
/// # Errors
///
/// As [`of`].
#[cfg(feature = "events")]
pub(super) fn event_log_of(salver: &Salver) -> Result<Arc<dyn EventLog>, Error> {
    let Backend(backend) = salver.backend();
    match backend {
        BackendKind::Memory(memory) => Ok(Arc::new(MemoryJobs::new(memory))),
        #[cfg(feature = "redis")]
        BackendKind::Redis(client) => Ok(Arc::new(RedisJobs::new(client))),
        BackendKind::Custom => Err(unsupported()),
    }
}

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
        BackendKind::Custom => Err(unsupported()),
    }
}

fn unsupported() -> Error {
    Error::misconfigured(
        "jobs are stored in a `MemoryStore` or a `RedisStore`, not in a custom store",
    )
}
