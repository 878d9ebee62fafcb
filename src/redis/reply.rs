//! What comes of a request: its reply is read, its failure judged, and it is tried again where that may help.

use ::redis::{RedisError, Value};

use crate::redis::Request;
use crate::redis::classify;
use crate::redis::classify::{Failure, Retry};
use crate::redis::raw::RawConnection;

/// Reads what a connection has answered: the parts of the reply after the one that names the key.
pub(crate) fn parse_reply(
    raw: &RawConnection,
    request: &Request,
    reply: Result<Value, RedisError>,
) -> Result<Vec<Value>, Failure> {
    match reply {
        Ok(reply) => verify_reply_key(reply, request),
        Err(error) => {
            let failure = classify::classify_reply(error, request.idempotency);
            Err(match raw.is_cluster() {
                true => classify::after_cluster_retries(failure, request.idempotency),
                // Where nobody has said that this is a Cluster, nothing is on its way.
                false if failure.retry == Retry::AfterDelay => Failure {
                    retry: Retry::Never,
                    ..failure
                },
                false => failure,
            })
        }
    }
}

/// Checks that a reply is to what was asked: a list that begins with the name.
fn verify_reply_key(reply: Value, request: &Request) -> Result<Vec<Value>, Failure> {
    let Value::Array(mut parts) = reply else {
        return Err(classify::mismatched_reply(request.idempotency));
    };
    match parts.first() {
        Some(Value::BulkString(name)) if request.key(0) == Some(name) => {
            parts.remove(0);
            Ok(parts)
        }
        _ => Err(classify::mismatched_reply(request.idempotency)),
    }
}
