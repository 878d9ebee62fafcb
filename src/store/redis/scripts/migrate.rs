//! Migration of a session to a new id on one server.

use std::sync::LazyLock;

use crate::config::Limits;
use crate::redis::{Client, Idempotency, Script};
use crate::store::millis;
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, run};
use crate::{Error, SessionId};

static MIGRATE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("migrate.lua")));

pub(crate) async fn migrate(
    client: &Client,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    reopen: bool,
    limits: &Limits,
) -> Result<(), Error> {
    let keys = [Key::SessionIndex(app, from), Key::SessionIndex(app, to)];
    let mut request = build_request(&MIGRATE, Idempotency::Idempotent, &keys);
    request.arg(millis(limits.ttl)).arg(limits.max_messages);
    request.arg(if reopen { "reopen" } else { "reject" });
    match run(client, request).await?.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::session_closed()),
    }
}
