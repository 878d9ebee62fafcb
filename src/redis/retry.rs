//! Trying a request again where that may help and can do no harm.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Error;
use crate::redis::classify::{Failure, Retry};

/// How long keys are left alone that are on their way to another server.
const RETRY_DELAY: Duration = Duration::from_millis(5);

/// Tries until there is an answer: once more over a new connection where the first broke, and for as long as this
/// where the keys are on their way. Of an attempt the outer error is of the connection, the inner one of the request.
pub(crate) async fn with_retry<T, F: Future<Output = Result<Result<T, Failure>, Error>>>(
    moving: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, Error> {
    let (mut first, mut until) = (None, None);
    loop {
        let failed = match attempt().await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) if failure.retry == Retry::AfterDelay => {
                let now = Instant::now();
                if now < *until.get_or_insert(now + moving) {
                    sleep(RETRY_DELAY).await;
                    continue;
                }
                failure.error
            }
            Ok(Err(failure)) if failure.retry == Retry::Reconnect && first.is_none() => {
                first = Some(failure.error);
                continue;
            }
            Ok(Err(failure)) => failure.error,
            Err(error) => error,
        };
        // What may have been carried out the first time is not undone by what came of the second.
        return Err(first.filter(Error::is_in_doubt).unwrap_or(failed));
    }
}
