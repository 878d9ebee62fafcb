//! The pace of deliveries to an endpoint: how many at the same time and how many a minute, over all processes; and since when
//! all of them fail.

use std::time::Duration;

use crate::webhooks::limits::{MAX_IN_FLIGHT, REQUEST_TIMEOUT};
pub(super) use crate::webhooks::store::Permission;
use crate::webhooks::store::{self, Delivered, EndpointKey, Slot};
use crate::{Error, Salver};

/// How long a delivery is in flight at most: longer than its request.
const FLIGHT_TIMEOUT: Duration = REQUEST_TIMEOUT.saturating_mul(2);
/// How far deliveries may be ahead of their rate: so many as it has in a second go at once.
const BURST: Duration = Duration::from_secs(1);
/// The time in which deliveries at their rate are sent: a minute, and what a burst is ahead. So none has more in a minute.
const PERIOD: Duration = Duration::from_secs(61);
/// How long a delivery waits at least if too many are in flight. Each wait costs a round trip.
const MIN_WAIT: Duration = Duration::from_millis(100);

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
    let slot = Slot {
        job,
        interval: PERIOD / rate.max(1),
        burst: BURST,
        min_wait: MIN_WAIT,
        max_in_flight: MAX_IN_FLIGHT,
        timeout: FLIGHT_TIMEOUT,
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
    is_success: bool,
) -> Result<Duration, Error> {
    let (store, key) = (store::of(salver)?, key(salver, endpoint));
    let delivered = Delivered { job, is_success };
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

fn key<'a>(salver: &'a Salver, endpoint: &'a str) -> EndpointKey<'a> {
    EndpointKey {
        app: salver.app(),
        endpoint,
    }
}
