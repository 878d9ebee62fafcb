//! Deadlines of calls to a store.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::{Error, runtime};

pub(crate) fn read_timed_out() -> Error {
    Error::unavailable("the store did not answer in time")
}

pub(crate) fn write_timed_out() -> Error {
    Error::in_doubt("the store did not answer in time")
}

pub(crate) async fn with_deadline<T>(
    timeout_after: Duration,
    call: impl Future<Output = Result<T, Error>>,
    on_timeout: fn() -> Error,
) -> Result<T, Error> {
    if Handle::try_current().is_ok() {
        return timeout(timeout_after, call)
            .await
            .unwrap_or_else(|_| Err(on_timeout()));
    }
    // No tokio here: the time is taken on Salver's own thread.
    let timer = runtime::spawn(async move { tokio::time::sleep(timeout_after).await })?;
    match select(pin!(call), timer).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(on_timeout()),
    }
}
