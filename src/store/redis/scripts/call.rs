//! One call of a script: its request, and the elements of its reply.

use ::redis::{FromRedisValue, Value, from_redis_value};

use crate::context::decode;
use crate::redis::{Client, Idempotency, Request, Script};
use crate::store::redis::keys::Key;
use crate::{Error, SessionId};

/// Creates the request of a script with its keys.
pub(super) fn build_request(
    script: &'static Script,
    idempotency: Idempotency,
    keys: &[Key<'_>],
) -> Request {
    let mut request = Request::new(script, idempotency, keys.len());
    request.arg(keys);
    request
}

/// Runs a script. Returns the elements of its reply after the first.
pub(super) async fn run(client: &Client, request: Request) -> Result<Parts, Error> {
    Ok(Parts(client.execute(&request).await?.into_iter()))
}

/// Parses one element of a reply.
pub(crate) fn parse<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    from_redis_value(value).map_err(|_| Error::unreadable("a Redis reply"))
}

/// The elements of a reply, parsed in order. A missing element is parsed as nil, which most types
/// reject as unreadable.
pub(super) struct Parts(pub(super) std::vec::IntoIter<Value>);

impl Parts {
    pub(super) fn next<T: FromRedisValue>(&mut self) -> Result<T, Error> {
        parse(self.0.next().unwrap_or(Value::Nil))
    }
}

/// Parses a session id, encoded as in keys.
pub(super) fn parse_session(encoded: &str) -> Result<SessionId, Error> {
    let session = decode(encoded);
    SessionId::new(session.ok_or_else(|| Error::unreadable("a session id in Redis"))?)
}
