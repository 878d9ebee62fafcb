//! The pace of deliveries to an endpoint: how many at the same time and how many a minute, over all processes; and since when
//! all of them fail.

use std::time::Duration;

use crate::webhooks::limits::{MAX_IN_FLIGHT, REQUEST_TIMEOUT};
pub(super) use crate::webhooks::store::Permission;
use crate::webhooks::store::{self, Delivered, EndpointKey, Slot};
use crate::{Error, Salver};

/// How long a delivery is in flight at most: longer than its request.
const FLIGHT_TIMEOUT: Duration = REQUEST_TIMEOUT.saturating_mul(2);
const MINUTE: Duration = Duration::from_secs(60);

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
        interval: MINUTE / rate.max(1),
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
