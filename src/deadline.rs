//! Deadlines for calls to a store.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::timeout;

use crate::{Error, runtime};

/// Returns the error of a read that timed out: `is_unavailable`.
pub(crate) fn read_timed_out() -> Error {
    Error::unavailable("the store did not reply in time")
}

/// Returns the error of a write that timed out: `is_in_doubt`.
pub(crate) fn write_timed_out() -> Error {
    Error::in_doubt("the store did not reply in time")
}

/// Runs a call for at most `timeout_after`, in or outside of a tokio runtime.
///
/// # Errors
///
/// Those of the call. `on_timeout()` when the time is over; the call is dropped then.
/// `is_unavailable` when the background thread is needed and cannot be started.
pub(crate) async fn with_deadline<T>(
    timeout_after: Duration,
    call: impl Future<Output = Result<T, Error>>,
    on_timeout: fn() -> Error,
) -> Result<T, Error> {
    if runtime::is_inside_tokio() {
        return timeout(timeout_after, call)
            .await
            .unwrap_or_else(|_| Err(on_timeout()));
    }
    // Outside of a tokio runtime there is no timer: use that of the background runtime.
    let timer = runtime::spawn(async move { tokio::time::sleep(timeout_after).await })?;
    match select(pin!(call), timer).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(on_timeout()),
    }
}
