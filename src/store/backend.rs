//! What a store keeps its data in, for the modules that keep their own data beside the messages.

#[cfg(feature = "redis")]
use crate::redis::Client;

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
    Memory,
    #[cfg(feature = "redis")]
    Redis(#[expect(dead_code, reason = "the modules that keep their own data use it")] Client),
    /// A store of the application, which has no place for other data.
    Custom,
}
