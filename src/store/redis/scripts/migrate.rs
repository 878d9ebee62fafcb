//! Moving a session to a new id on one server.

use std::sync::LazyLock;

use crate::config::Limits;
use crate::redis::{Effect, Line, Lua};
use crate::store::millis;
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{begin, run};
use crate::{Error, SessionId};

static MIGRATE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("migrate.lua")));

pub(crate) async fn migrate(
    line: &Line,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    open: bool,
    limits: &Limits,
) -> Result<(), Error> {
    let keys = [Key::Book(app, from), Key::Book(app, to)];
    let mut ask = begin(&MIGRATE, Effect::Writes, &keys);
    ask.arg(millis(limits.expiry)).arg(limits.messages);
    ask.arg(if open { "open" } else { "keep" });
    match run(line, ask).await?.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}
