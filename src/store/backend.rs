//! What a store keeps its data in, for the modules that keep their own data beside the messages.

use std::fmt;
use std::sync::Arc;

use crate::extensions::Extensions;
#[cfg(feature = "redis")]
use crate::redis::Client;
use crate::store::Clock;

/// The backend of a store. Only this crate can look into it.
#[derive(Clone, Debug)]
pub struct Backend(
    #[cfg_attr(
        not(feature = "web"),
        expect(dead_code, reason = "the modules that keep their own data use it")
    )]
    pub(crate) BackendKind,
);

#[derive(Clone, Debug)]
pub(crate) enum BackendKind {
    Memory(
        #[cfg_attr(
            not(feature = "inbox"),
            expect(dead_code, reason = "the modules that keep their own data use it")
        )]
        MemoryBackend,
    ),
    #[cfg(feature = "redis")]
    Redis(
        #[cfg_attr(
            not(feature = "inbox"),
            expect(dead_code, reason = "the modules that keep their own data use it")
        )]
        Client,
    ),
    /// A store of the application, which has no place for other data.
    Custom,
}

/// The memory of this process: the clock of the store, and one value for each module.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "inbox"),
    expect(dead_code, reason = "the modules that keep their own data use it")
)]
pub(crate) struct MemoryBackend {
    pub(crate) clock: Clock,
    pub(crate) data: Arc<Extensions>,
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
