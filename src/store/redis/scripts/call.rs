//! One call of a script: its request, and the elements of its reply.

use crate::context::decode;
use crate::redis::{Client, Idempotency, Parts, Request, Script};
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
    client.execute(&request).await.map(Parts::new)
}

/// Parses a session id, encoded as in keys.
pub(super) fn parse_session(encoded: &str) -> Result<SessionId, Error> {
    let session = decode(encoded);
    SessionId::new(session.ok_or_else(|| Error::unreadable("a session id in Redis"))?)
}
