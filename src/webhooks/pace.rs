//! The pace of deliveries to an endpoint: how many at the same time and how many a minute, over all processes; and since when
//! all of them fail.

use std::time::Duration;

use crate::webhooks::limits::{MAX_IN_FLIGHT, REQUEST_TIMEOUT};
use crate::webhooks::store::{self, Delivered, EndpointKey, Slot};
pub(super) use crate::webhooks::store::{Permission, Sent};
use crate::{Error, Salver};

/// How long a delivery occupies its slot at most: longer than its request.
const SLOT_TIMEOUT: Duration = REQUEST_TIMEOUT.saturating_mul(2);
const MINUTE: Duration = Duration::from_secs(60);
/// How long a delivery waits at least if too many are in flight. Each wait costs round trips.
const MIN_WAIT: Duration = Duration::from_millis(20);
/// The time between two deliveries at least while all of them fail. Spares an endpoint that is overloaded.
const FAILING_INTERVAL: Duration = Duration::from_secs(1);
/// How far ahead slots are reserved. Later deliveries ask again: the endpoint may have become faster until then.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// Asks whether a delivery may be sent now. `rate`: most deliveries a minute.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn take(
    salver: &Salver,
    endpoint: &str,
    job: &str,
    rate: u32,
) -> Result<Permission, Error> {
    let (store, key) = (store::of(salver)?, key(salver, endpoint));
    let (interval, burst) = pace(rate);
    let slot = Slot {
        job,
        interval,
        burst,
        failing_interval: FAILING_INTERVAL.max(interval),
        min_wait: MIN_WAIT,
        max_ahead: MAX_AHEAD,
        jitter: fastrand::f64(),
        max_in_flight: MAX_IN_FLIGHT,
        timeout: SLOT_TIMEOUT,
    };
    let take = || store.take_slot(key, slot);
    salver.write_idempotent("take_slot", take).await
}

/// Records that a delivery is not in flight any more. Returns for how long all deliveries to the endpoint have failed.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn release(
    salver: &Salver,
    endpoint: &str,
    job: &str,
    sent: Sent,
) -> Result<Duration, Error> {
    let (store, key) = (store::of(salver)?, key(salver, endpoint));
    let delivered = Delivered {
        job,
        sent,
        timeout: SLOT_TIMEOUT,
    };
    let release = || store.release_slot(key, delivered);
    salver.write_idempotent("release_slot", release).await
}

/// Forgets the failures of an endpoint.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn reset(salver: &Salver, endpoint: &str) -> Result<(), Error> {
    let (store, key) = (store::of(salver)?, key(salver, endpoint));
    let reset = || store.reset_pace(key);
    salver.write_idempotent("reset_pace", reset).await
}

/// Returns the time between two deliveries, and how many may go at once. Together they are no more than `rate` in a minute.
fn pace(rate: u32) -> (Duration, u32) {
    // As many as are in flight at the same time, unless the rate is too low for that.
    let burst = u32::try_from(MAX_IN_FLIGHT).unwrap_or(u32::MAX);
    match rate.checked_sub(burst).filter(|rest| *rest > burst) {
        Some(rest) => (MINUTE / rest, burst),
        None => (MINUTE / rate.max(1), 0),
    }
}

fn key<'a>(salver: &'a Salver, endpoint: &'a str) -> EndpointKey<'a> {
    EndpointKey {
        app: salver.app(),
        endpoint,
    }
}
