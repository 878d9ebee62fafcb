//! Limits of how often something happens, counted over all processes.
//!
//! Layer: above the handle.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod store_trait;

pub(crate) use self::store_trait::RateLimit;
use crate::{Error, Salver};

/// Counts a call of some kind. Returns whether it is allowed by all limits; a call that is not allowed is not counted.
/// One round trip.
///
/// # Errors
///
/// Those of the store. A call in doubt may have been counted.
pub(crate) async fn allow(
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
