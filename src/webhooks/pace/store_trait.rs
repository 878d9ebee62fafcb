//! The interface of the storage of the pace of endpoints.

use std::time::Duration;

use crate::store::StoreFuture;

/// One endpoint of an application.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PaceKey<'a> {
    pub(super) app: &'a str,
    pub(super) endpoint: &'a str,
}

/// What a delivery asks for.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) job: &'a str,
    /// The time between two deliveries.
    pub(super) interval: Duration,
    pub(super) max_in_flight: usize,
    /// How long it is in flight if it is not released.
    pub(super) timeout: Duration,
}

/// Whether a delivery may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Permission {
    /// It is in flight now.
    Send,
    /// It has a slot of its own after so long.
    Wait(Duration),
}

/// A delivery that is not in flight any more.
#[derive(Clone, Copy)]
pub(super) struct Delivered<'a> {
    pub(super) job: &'a str,
    pub(super) is_success: bool,
}

/// The storage of the pace of endpoints. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait PaceStore: Send + Sync {
    /// Reserves the next slot for a delivery, or begins its flight if its slot has come.
    fn take_slot<'a>(&'a self, key: PaceKey<'a>, slot: Slot<'a>) -> StoreFuture<'a, Permission>;

    /// Ends the flight of a delivery. Returns for how long all have failed.
    fn release_slot<'a>(
        &'a self,
        key: PaceKey<'a>,
        delivered: Delivered<'a>,
    ) -> StoreFuture<'a, Duration>;

    /// Forgets the failures.
    fn reset_pace<'a>(&'a self, key: PaceKey<'a>) -> StoreFuture<'a, ()>;
}
