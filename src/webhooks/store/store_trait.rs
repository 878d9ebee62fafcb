//! The interface of the storage of what deliveries have in common over all processes.

use std::time::Duration;

use crate::store::StoreFuture;

/// One endpoint of an application.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::webhooks) struct EndpointKey<'a> {
    pub(in crate::webhooks) app: &'a str,
    pub(in crate::webhooks) endpoint: &'a str,
}

/// The first event of a chain, of which each other one is the result of the one before.
#[derive(Clone, Copy)]
pub(in crate::webhooks) struct RootKey<'a> {
    pub(in crate::webhooks) app: &'a str,
    pub(in crate::webhooks) root: &'a str,
}

/// What a delivery asks for.
#[derive(Clone, Copy)]
pub(in crate::webhooks) struct Slot<'a> {
    pub(in crate::webhooks) job: &'a str,
    /// The time between two deliveries at least.
    pub(in crate::webhooks) interval: Duration,
    /// How many deliveries may be ahead of that.
    pub(in crate::webhooks) burst: u32,
    /// The time between two deliveries while all of them fail.
    pub(in crate::webhooks) failing_interval: Duration,
    /// How long it waits at least if too many are in flight.
    pub(in crate::webhooks) min_wait: Duration,
    /// How far ahead slots are reserved.
    pub(in crate::webhooks) max_ahead: Duration,
    /// From 0 to 1: spreads those that ask again.
    pub(in crate::webhooks) jitter: f64,
    pub(in crate::webhooks) max_in_flight: usize,
    /// How long it is in flight if it is not released.
    pub(in crate::webhooks) timeout: Duration,
}

/// Whether a delivery may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Permission {
    /// It is in flight now.
    Send,
    /// It asks again after so long, mostly since it has a slot of its own then.
    Wait(Duration),
}

/// What became of a delivery that had a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Sent {
    Success,
    Failure,
    /// It was not sent, which says nothing about the endpoint.
    Nothing,
}

/// A delivery that is not in flight any more.
#[derive(Clone, Copy)]
pub(in crate::webhooks) struct Delivered<'a> {
    pub(in crate::webhooks) job: &'a str,
    pub(in crate::webhooks) sent: Sent,
    /// As it was taken with.
    pub(in crate::webhooks) timeout: Duration,
}

/// The storage of the pace of endpoints, and of the results of events. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(in crate::webhooks) trait DeliveryStore: Send + Sync {
    /// Reserves the next slot for a delivery, or occupies it if its time has come.
    fn take_slot<'a>(&'a self, key: EndpointKey<'a>, slot: Slot<'a>)
    -> StoreFuture<'a, Permission>;

    /// Releases the slot of a delivery. Returns for how long all have failed.
    fn release_slot<'a>(
        &'a self,
        key: EndpointKey<'a>,
        delivered: Delivered<'a>,
    ) -> StoreFuture<'a, Duration>;

    /// Forgets the failures.
    fn reset_pace<'a>(&'a self, key: EndpointKey<'a>) -> StoreFuture<'a, ()>;

    /// Counts a result of a root. Returns whether it is one of the first `max`.
    fn count_result<'a>(
        &'a self,
        key: RootKey<'a>,
        delivery: &'a str,
        max: usize,
    ) -> StoreFuture<'a, bool>;
}
