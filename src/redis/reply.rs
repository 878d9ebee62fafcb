//! What comes of a request: its reply is read, its failure judged, and it is tried again where that may help.

use ::redis::{RedisError, Value};

use crate::redis::Request;
use crate::redis::classify;
use crate::redis::classify::{Failure, Retry};
use crate::redis::raw::RawConnection;

/// Reads what a connection has answered: the parts of the reply after the one that names the key.
pub(crate) fn parse_reply(
    wire: &RawConnection,
    ask: &Request,
    reply: Result<Value, RedisError>,
) -> Result<Vec<Value>, Failure> {
    match reply {
        Ok(reply) => verify_reply_key(reply, ask),
        Err(error) => {
            let verdict = classify::classify_reply(error, ask.idempotency);
            Err(match wire.is_cluster() {
                true => classify::after_cluster_retries(verdict, ask.idempotency),
                // Where nobody has said that this is a Cluster, nothing is on its way.
                false if verdict.retry == Retry::WaitAndRetry => Failure {
                    retry: Retry::Never,
                    ..verdict
                },
                false => verdict,
            })
        }
    }
}

/// Checks that a reply is to what was asked: a list that begins with the name.
fn verify_reply_key(reply: Value, ask: &Request) -> Result<Vec<Value>, Failure> {
    let Value::Array(mut parts) = reply else {
        return Err(classify::mismatched_reply(ask.idempotency));
    };
    match parts.first() {
        Some(Value::BulkString(name)) if ask.key(0) == Some(name) => {
            parts.remove(0);
            Ok(parts)
        }
        _ => Err(classify::mismatched_reply(ask.idempotency)),
    }
}
