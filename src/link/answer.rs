//! What comes of a request: its reply is read, its failure judged, and it is tried again where that may help.

use std::time::Duration;

use redis::{RedisError, Value, from_redis_value};
use tokio::time::{Instant, sleep};

use super::Ask;
use super::fault::{self, Again, Verdict};
use super::wire::Wire;
use crate::Error;

/// How long keys are left alone that are on their way to another server.
const STEP: Duration = Duration::from_millis(5);

/// Reads what a connection has answered: the parts of the reply after the one that names the key.
pub(super) fn read(
    wire: &Wire,
    ask: &Ask,
    reply: Result<Value, RedisError>,
) -> Result<Vec<Value>, Verdict> {
    match reply {
        Ok(reply) => named(reply, ask),
        Err(error) => {
            let verdict = fault::of_reply(error, ask.effect);
            Err(match wire.is_cluster() {
                true => fault::after_retries(verdict, ask.effect),
                // Where nobody has said that this is a Cluster, nothing is on its way.
                false if verdict.again == Again::Soon => Verdict {
                    again: Again::Never,
                    ..verdict
                },
                false => verdict,
            })
        }
    }
}

/// Checks that a reply is to what was asked: a list that begins with the name.
fn named(reply: Value, ask: &Ask) -> Result<Vec<Value>, Verdict> {
    let mismatch = || fault::of_mismatch(ask.effect);
    let Value::Array(mut parts) = reply else {
        return Err(mismatch());
    };
    if parts.is_empty() {
        return Err(mismatch());
    }
    match from_redis_value::<String>(parts.remove(0)) {
        Ok(name) if name == ask.name() => Ok(parts),
        _ => Err(mismatch()),
    }
}

/// Tries until there is an answer: once more over a new connection where the first broke, and until a time where
/// the keys are on their way. Of an attempt the outer error is of the connection, the inner one of the request.
pub(super) async fn persist<T, F: Future<Output = Result<Result<T, Verdict>, Error>>>(
    until: Instant,
    attempt: impl Fn() -> F,
) -> Result<T, Error> {
    let mut first = None;
    loop {
        let failed = match attempt().await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(verdict)) if verdict.again == Again::Soon && Instant::now() < until => {
                sleep(STEP).await;
                continue;
            }
            Ok(Err(verdict)) if verdict.again == Again::Anew && first.is_none() => {
                first = Some(verdict.error);
                continue;
            }
            Ok(Err(verdict)) => verdict.error,
            Err(error) => error,
        };
        // What may have been carried out the first time is not undone by what came of the second.
        return Err(first.filter(Error::is_in_doubt).unwrap_or(failed));
    }
}
