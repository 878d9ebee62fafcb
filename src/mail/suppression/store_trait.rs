//! The interface of the storage of suppressed addresses.

use crate::store::StoreFuture;

/// One address of an application, by its hash.
#[derive(Clone, Copy)]
pub(super) struct SuppressionKey<'a> {
    pub(super) app: &'a str,
    pub(super) hash: &'a str,
}

/// The storage of suppressed addresses. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait SuppressionStore: Send + Sync {
    fn suppress<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()>;

    fn allow<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()>;

    /// Changes nothing.
    fn is_suppressed<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, bool>;
}
