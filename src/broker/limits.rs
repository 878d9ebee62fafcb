//! The limits of the HTTP API, each with the harm that it prevents.

use std::time::Duration;

use crate::rate_limits::RateLimit;

/// Most events of a batch. Bounds what one request makes the store do.
pub const MAX_BATCH_EVENTS: usize = 100;
/// Longest batch in bytes: 1 MiB. Stops a request from filling the memory of the process.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Most recipients of a notification that one request adds. Each is a round trip to the store.
pub const MAX_RECIPIENTS: usize = 500;
/// Most tokens of an application. Stops a program in a loop from filling the store.
pub const MAX_TOKENS: usize = 1_000;
/// Most events that are published at the same time for one batch. More would delay the calls of pages.
pub(super) const MAX_CONCURRENT_PUBLISHES: usize = 16;
/// How long a token that was read counts. A revoked one is refused after this time at the latest.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(10);
/// Requests with one token. Stops a publisher in a loop from taking the store from the others.
pub(super) const TOKEN_LIMITS: [RateLimit; 1] = [RateLimit {
    period: Duration::from_secs(60),
    calls: 600,
}];
/// Shortest fixed token in bytes. A shorter one can be guessed.
pub(super) const MIN_TOKEN_BYTES: usize = 16;
/// Logins from one network address, whether they succeed or not. Stops programs that guess a token that is not random.
pub(super) const LOGIN_LIMITS: [RateLimit; 1] = [RateLimit {
    period: Duration::from_secs(10 * 60),
    calls: 20,
}];
/// How long a login to the page of the operator lasts. Limits for how long a stolen cookie works.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(12 * 60 * 60);
/// How long the outcome of an action waits for the page that shows it. An old one would be misleading.
pub(super) const OUTCOME_TTL: Duration = Duration::from_secs(60);
/// Longest body of a form of the page in bytes. Stops a request from filling the memory of the process.
pub(super) const MAX_FORM_BYTES: usize = 4 * 1024;
