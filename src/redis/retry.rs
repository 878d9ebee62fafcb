//! Retries of a request, where a retry can help and does no harm.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Error;
use crate::redis::classify::{Failure, Retry};

/// Pause between two attempts while the keys migrate to another server.
const RETRY_DELAY: Duration = Duration::from_millis(5);

/// Makes attempts until one succeeds or a retry cannot help. After a broken connection there is one
/// more attempt over a new connection. While the keys migrate, attempts continue for
/// `migration_timeout`. The outer error of an attempt is that of connecting, the inner one that of
/// the request.
pub(crate) async fn with_retry<T, F: Future<Output = Result<Result<T, Failure>, Error>>>(
    migration_timeout: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, Error> {
    let (mut first, mut until) = (None, None);
    loop {
        let error = match attempt().await {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(failure)) if failure.retry == Retry::AfterDelay => {
                let now = Instant::now();
                if now < *until.get_or_insert(now + migration_timeout) {
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
        // If the first attempt may have been applied, the failure of the second does not undo it.
        return Err(first.filter(Error::is_in_doubt).unwrap_or(error));
    }
}
