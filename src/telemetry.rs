//! All metrics and spans. The metrics are listed on the page
//! [observability](crate::docs::observability).
//!
//! Metrics are recorded through the facade of the `metrics` crate, with the feature `metrics`;
//! without it the functions do nothing. The content of a message, a session id or a token is never
//! a label.

#![cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "used only with the feature `metrics`")
)]

use std::sync::Arc;

use crate::Error;

/// Defines one function for each counter of the messages of an application.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident => $metric:literal;)*) => {
        $($(#[$doc])* pub(crate) fn $name(app: &Arc<str>, count: u64) {
            #[cfg(feature = "metrics")]
            if count > 0 {
                metrics::counter!($metric, "app" => Arc::clone(app)).increment(count);
            }
        })*
    };
}

counters! {
    record_added => "salver_added_total";
    record_shown => "salver_shown_total";
    record_confirmed => "salver_confirmed_total";
    record_released => "salver_released_total";
    record_displaced => "salver_displaced_total";
    record_expired => "salver_expired_total";
    record_undecodable => "salver_undecodable_total";
    record_unsupported => "salver_unsupported_version_total";
    record_abandoned => "salver_abandoned_confirms_total";
    #[cfg(feature = "inbox")]
    record_notified => "salver_notified_total";
    #[cfg(feature = "inbox")]
    record_displaced_notifications => "salver_displaced_notifications_total";
}

/// Records a notification that an inbox did not add.
#[cfg(feature = "inbox")]
pub(crate) fn record_ignored_notification(app: &Arc<str>, reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("salver_ignored_notifications_total", "app" => Arc::clone(app), "reason" => reason)
        .increment(1);
}

/// The start time of an operation. Empty without the feature `metrics`.
#[derive(Clone, Copy)]
pub(crate) struct Timer(#[cfg(feature = "metrics")] tokio::time::Instant);

impl Timer {
    pub(crate) fn start() -> Self {
        Self(
            #[cfg(feature = "metrics")]
            tokio::time::Instant::now(),
        )
    }
}

/// Records the members that a read did not return.
pub(crate) fn record_skipped(app: &Arc<str>, skipped: &Skipped) {
    record_expired(app, skipped.expired);
    record_undecodable(app, skipped.undecodable);
    record_unsupported(app, skipped.unsupported);
}

/// The number of members that a read did not return, by reason.
#[derive(Clone, Copy)]
pub(crate) struct Skipped {
    pub(crate) expired: u64,
    pub(crate) undecodable: u64,
    pub(crate) unsupported: u64,
}

/// Creates the span of one call to the store.
pub(crate) fn span(operation: &'static str, app: &str) -> tracing::Span {
    tracing::debug_span!("salver", operation = operation, app)
}

/// Records the duration and the outcome of one call to the store.
pub(crate) fn record_call<T>(operation: &'static str, timer: Timer, outcome: &Result<T, Error>) {
    if let Err(error) = outcome {
        record_mismatched_reply(error);
    }
    #[cfg(feature = "metrics")]
    {
        let result = outcome.as_ref().err().map_or("ok", Error::kind_name);
        metrics::histogram!("salver_store_call_duration_seconds", "operation" => operation, "outcome" => result)
            .record(timer.0.elapsed());
    }
}

/// Records how long a page waited for its messages. `degraded`: the store failed, and the page is
/// served without them.
#[cfg(feature = "web")]
pub(crate) fn record_page_wait(app: &Arc<str>, timer: Timer, degraded: bool) {
    #[cfg(feature = "metrics")]
    {
        metrics::histogram!("salver_page_wait_duration_seconds", "app" => Arc::clone(app))
            .record(timer.0.elapsed());
        if degraded {
            metrics::counter!("salver_degraded_pages_total", "app" => Arc::clone(app)).increment(1);
        }
    }
}

/// Records a failed attempt, if its reply belonged to another request.
pub(crate) fn record_mismatched_reply(error: &Error) {
    #[cfg(feature = "metrics")]
    if error.is_mismatched_reply() {
        metrics::counter!("salver_mismatched_replies_total").increment(1);
    }
}

/// Records an attempt of a job.
#[cfg(feature = "jobs")]
pub(crate) fn record_attempt(
    app: &Arc<str>,
    queue: &'static str,
    outcome: &'static str,
    timer: Timer,
) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(
        "salver_job_attempt_duration_seconds",
        "app" => Arc::clone(app), "queue" => queue, "outcome" => outcome
    )
    .record(timer.0.elapsed());
}

/// The jobs of a queue, as a claim has seen them.
#[cfg(feature = "jobs")]
#[derive(Clone, Copy, Default)]
pub(crate) struct QueueState {
    pub(crate) waiting: u64,
    pub(crate) dead: u64,
    /// How long the oldest due job has waited that was not claimed.
    pub(crate) latency: std::time::Duration,
}

/// Records the state of a queue.
#[cfg(feature = "jobs")]
pub(crate) fn record_queue(app: &Arc<str>, queue: &'static str, state: QueueState) {
    #[cfg(feature = "metrics")]
    for (name, value) in [
        ("salver_waiting_jobs", state.waiting as f64),
        ("salver_dead_jobs", state.dead as f64),
        ("salver_job_latency_seconds", state.latency.as_secs_f64()),
    ] {
        metrics::gauge!(name, "app" => Arc::clone(app), "queue" => queue).set(value);
    }
}

/// Records that a digest was sent. `now`: Unix milliseconds.
#[cfg(feature = "mail")]
pub(crate) fn record_digest(app: &Arc<str>, now: u64) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("salver_last_digest_timestamp_seconds", "app" => Arc::clone(app))
        .set(now as f64 / 1_000.0);
}

/// Records that a stream was opened.
#[cfg(feature = "live")]
pub(crate) fn stream_opened(app: &Arc<str>) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("salver_open_streams", "app" => Arc::clone(app)).increment(1.0);
}

/// Records that a stream was closed.
#[cfg(feature = "live")]
pub(crate) fn stream_closed(app: &Arc<str>) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("salver_open_streams", "app" => Arc::clone(app)).decrement(1.0);
}

/// Records that the circuit breaker was opened or closed.
pub(crate) fn record_breaker_state(is_open: bool) {
    #[cfg(feature = "metrics")]
    {
        metrics::gauge!("salver_breaker_open").set(f64::from(u8::from(is_open)));
        if is_open {
            metrics::counter!("salver_breaker_opened_total").increment(1);
        }
    }
}
