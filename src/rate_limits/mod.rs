//! Limits of how often something happens, counted over all processes.
//!
//! Layer: above the handle.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod store_trait;

use std::net::IpAddr;

pub(crate) use self::store_trait::RateLimit;
use crate::{Error, Salver};

/// Returns the network of an address, by which requests of strangers are limited.
pub(crate) fn network(address: IpAddr) -> String {
    // One person has a whole network of IPv6.
    // A server of both versions of IP sees one of IPv4 as a part of IPv6.
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        IpAddr::V4(address) => address.to_string(),
    }
}

/// Counts a call of some kind. Returns whether it is allowed by all limits; a call that is not allowed is not counted.
/// One round trip.
///
/// # Errors
///
/// Those of the store. A call in doubt may have been counted.
pub(crate) async fn count_call(
    salver: &Salver,
    operation: &'static str,
    what: &str,
    limits: &[RateLimit],
) -> Result<bool, Error> {
    let store = store::of(salver)?;
    let allow = store.allow(salver.app(), what, limits);
    // A call that is repeated would be refused by its own count.
    salver.write_non_idempotent(operation, allow).await
}
