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
    budget: Duration,
    call: impl Future<Output = Result<T, Error>>,
    late: fn() -> Error,
) -> Result<T, Error> {
    if Handle::try_current().is_ok() {
        return timeout(budget, call).await.unwrap_or_else(|_| Err(late()));
    }
    // No tokio here: the time is taken on Salver's own thread.
    let bell = runtime::spawn(async move { tokio::time::sleep(budget).await })?;
    match select(pin!(call), bell).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(late()),
    }
}
