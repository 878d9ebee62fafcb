//! The interface of the storage of presence.

use std::time::Duration;

use crate::Recipient;
use crate::store::StoreFuture;

/// Maximum number of leases of one call. Bounds the time for which a call keeps others waiting.
pub(super) const MAX_LEASES: usize = 500;

/// The lease of one recipient whose pages one process serves.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) recipient: Recipient,
    /// How long the recipient stays online without another lease; zero ends the lease.
    pub(super) duration: Duration,
}

/// The storage of presence. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait PresenceStore: Send + Sync {
    /// Returns the number of partitions, each of which one call reads or changes.
    fn partitions(&self) -> usize;

    /// Returns the partition of a recipient.
    fn partition_of(&self, recipient: &Recipient) -> usize;

    /// Sets at most [`MAX_LEASES`] leases of one process in a partition.
    fn renew<'a>(
        &'a self,
        app: &'a str,
        partition: usize,
        process: &'a str,
        leases: &'a [Lease],
    ) -> StoreFuture<'a, ()>;

    /// Returns the recipients with a lease in a partition, once for each process. Changes nothing.
    fn online<'a>(&'a self, app: &'a str, partition: usize) -> StoreFuture<'a, Vec<Recipient>>;
}
