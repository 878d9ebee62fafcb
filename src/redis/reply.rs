//! Parsing of replies: the elements of a reply, or the classified failure.

use ::redis::{RedisError, Value};

use crate::redis::Request;
use crate::redis::classify;
use crate::redis::classify::{Failure, Retry};
use crate::redis::raw_connection::RawConnection;

/// Returns the elements of a reply after the first, which names the key.
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
                // Not configured as a Cluster: a redirect is permanent, so waiting does not help.
                false if failure.retry == Retry::AfterDelay => Failure {
                    retry: Retry::Never,
                    ..failure
                },
                false => failure,
            })
        }
    }
}

/// Checks that a reply belongs to its request: an array whose first element is the first key.
fn verify_reply_key(reply: Value, request: &Request) -> Result<Vec<Value>, Failure> {
    let Value::Array(mut elements) = reply else {
        return Err(classify::mismatched_reply(request.idempotency));
    };
    match elements.first() {
        Some(Value::BulkString(key)) if request.key(0) == Some(key) => {
            elements.remove(0);
            Ok(elements)
        }
        _ => Err(classify::mismatched_reply(request.idempotency)),
    }
}
