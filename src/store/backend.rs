//! What a store keeps its data in, for the modules that keep their own data beside the messages.

#[cfg(feature = "inbox")]
use std::fmt;
#[cfg(feature = "inbox")]
use std::sync::Arc;

#[cfg(feature = "inbox")]
use crate::extensions::Extensions;
#[cfg(all(feature = "redis", feature = "inbox"))]
use crate::redis::Client;
#[cfg(feature = "inbox")]
use crate::store::Clock;

/// The backend of a store. Only this crate can look into it.
#[derive(Clone, Debug)]
pub struct Backend(
    #[cfg_attr(
        not(any(feature = "web", feature = "inbox")),
        expect(dead_code, reason = "the modules that keep their own data use it")
    )]
    pub(crate) BackendKind,
);

#[cfg(feature = "web")]
impl Backend {
    /// Returns whether the data is in the memory of this process.
    pub(crate) fn is_memory(&self) -> bool {
        #[cfg(feature = "inbox")]
        return matches!(self.0, BackendKind::Memory(_));
        #[cfg(not(feature = "inbox"))]
        matches!(self.0, BackendKind::Memory())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum BackendKind {
    Memory(#[cfg(feature = "inbox")] MemoryBackend),
    #[cfg(feature = "redis")]
    Redis(#[cfg(feature = "inbox")] Client),
    /// A store of the application, which has no place for other data.
    Custom,
}

/// The memory of this process: the clock of the store, and one value for each module.
#[cfg(feature = "inbox")]
#[derive(Clone)]
pub(crate) struct MemoryBackend {
    pub(crate) clock: Clock,
    pub(crate) data: Arc<Extensions>,
}

#[cfg(feature = "inbox")]
impl MemoryBackend {
    pub(crate) fn new(clock: &Clock, data: &Arc<Extensions>) -> Self {
        Self {
            clock: clock.clone(),
            data: Arc::clone(data),
        }
    }
}

#[cfg(feature = "inbox")]
impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
