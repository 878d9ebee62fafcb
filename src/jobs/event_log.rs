//! The log of events: each is stored together with the job that fans it out, and known by its content.

use std::time::Duration;

use crate::jobs::id::JobId;
use crate::jobs::store_trait::{NewJob, QueueKey};
use crate::store::StoreFuture;

/// An event to store together with its job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEvent<'a> {
    /// By which an event of the same id is recognised as the same, or as another one.
    pub(crate) digest: &'a str,
    pub(crate) body: &'a [u8],
}

/// What the publication of an event has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// It is stored, and its job is due.
    Accepted,
    /// An event of this id with the same digest is known.
    Known,
    /// An event of this id with another digest is known.
    Conflict,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredEvent {
    /// The time of the store at which it was accepted, in Unix milliseconds.
    pub(crate) accepted: u64,
    pub(crate) body: Vec<u8>,
}

/// The storage of events. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(crate) trait EventLog: Send + Sync {
    /// Stores an event with its job, which is due at once, unless an event of this id is known. The event is kept for
    /// `ttl`.
    ///
    /// # Errors
    ///
    /// `is_full` as for jobs that are enqueued.
    fn publish<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a NewJob,
        event: NewEvent<'a>,
        ttl: Duration,
        max_due: usize,
    ) -> StoreFuture<'a, Published>;

    /// Returns the event of a job; `None` if it is not known any more. Changes nothing.
    fn event<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<StoredEvent>>;

    /// Keeps the event of a job for `ttl` at least. One that is kept for longer than `max_ttl` has waited for its job: it is
    /// kept for `ttl`.
    fn expire_event<'a>(
        &'a self,
        queue: QueueKey<'a>,
        id: JobId,
        ttl: Duration,
        max_ttl: Duration,
    ) -> StoreFuture<'a, ()>;
}
