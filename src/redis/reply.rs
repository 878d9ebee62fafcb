//! What comes of a request: its reply is read, its failure judged, and it is tried again where that may help.

use std::time::Duration;

use ::redis::{RedisError, Value};
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::redis::Ask;
use crate::redis::classify;
use crate::redis::classify::{Again, Verdict};
use crate::redis::raw::Wire;

/// How long keys are left alone that are on their way to another server.
const STEP: Duration = Duration::from_millis(5);

/// Reads what a connection has answered: the parts of the reply after the one that names the key.
pub(crate) fn read(
    wire: &Wire,
    ask: &Ask,
    reply: Result<Value, RedisError>,
) -> Result<Vec<Value>, Verdict> {
    match reply {
        Ok(reply) => named(reply, ask),
        Err(error) => {
            let verdict = classify::of_reply(error, ask.effect);
            Err(match wire.is_cluster() {
                true => classify::after_retries(verdict, ask.effect),
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
    let Value::Array(mut parts) = reply else {
        return Err(classify::of_mismatch(ask.effect));
    };
    match parts.first() {
        Some(Value::BulkString(name)) if ask.key(0) == Some(name) => {
            parts.remove(0);
            Ok(parts)
        }
        _ => Err(classify::of_mismatch(ask.effect)),
    }
}

/// Tries until there is an answer: once more over a new connection where the first broke, and for as long as this
/// where the keys are on their way. Of an attempt the outer error is of the connection, the inner one of the request.
pub(crate) async fn persist<T, F: Future<Output = Result<Result<T, Verdict>, Error>>>(
    moving: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, Error> {
    let (mut first, mut until) = (None, None);
    loop {
        let failed = match attempt().await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(verdict)) if verdict.again == Again::Soon => {
                let now = Instant::now();
                if now < *until.get_or_insert(now + moving) {
                    sleep(STEP).await;
                    continue;
                }
                verdict.error
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
