//! The limits of webhooks, each with the harm that it prevents.

use std::time::Duration;

/// Longest URL of an endpoint in bytes: what servers accept. Stops input from filling the store.
pub const MAX_URL_BYTES: usize = 2_048;
/// Deliveries a minute to an endpoint that allows no other rate. Stops a burst of events from flooding another program.
pub const DEFAULT_RATE: u32 = 600;
/// Highest rate of an endpoint, for the same reason.
pub const MAX_RATE: u32 = 60_000;
/// Deliveries to one endpoint at the same time, over all processes; one while all of them fail. Stops a slow endpoint from
/// occupying all workers.
pub const MAX_IN_FLIGHT: usize = 4;
/// Largest response that is read, in bytes: 64 KiB. Stops an endpoint from filling the memory of a worker.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// How long one request to an endpoint takes at most, its response included. Stops slow endpoints from occupying workers.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time that an endpoint can ask to wait by `Retry-After`. A longer wait would outlast the event.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How long all deliveries to an endpoint may fail before it is disabled. Stops requests to servers that are gone.
pub const MAX_FAILING: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// Longest chain of events of which each is the result of the one before. Stops endpoints from answering each other for ever.
pub const MAX_RESULT_DEPTH: u32 = 8;
/// Most results of one first event, directly or through other results, for the same reason.
pub const MAX_RESULTS: usize = 1_000;
/// Most validators of a site, and of a worker. Each may keep a request or a delivery waiting.
pub const MAX_VALIDATORS: usize = 4;
/// How long a validator may take. Publishers wait for it.
pub(super) const VALIDATOR_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the results of a first event are counted: longer than its deliveries are attempted.
pub(super) const RESULTS_TTL: Duration = Duration::from_secs(16 * 24 * 60 * 60);
/// How long a secret still signs after the rotation that has replaced it, so that receivers can change theirs.
pub const OLD_SECRET_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// Most replaced secrets of an endpoint that still sign. Each lengthens all deliveries, so that a program that rotates in a
/// loop would make receivers refuse their headers.
pub const MAX_OLD_SECRETS: usize = 4;
/// How far the time of a received webhook may be from now. Stops a webhook that a stranger has read from being sent again
/// later; shorter, clocks that differ would refuse valid ones. That of all libraries of Standard Webhooks.
pub const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Shortest secret of a received webhook in bytes, as the specification demands. A shorter one can be guessed.
pub const MIN_SECRET_BYTES: usize = 24;
