//! Removing messages.

use std::sync::LazyLock;
use std::time::Duration;

use crate::redis::{Connection, Idempotency, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{request, run};
use crate::store::{Selector, millis};
use crate::{Context, Error, SessionId};

static RETRACT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("retract.lua")));
static CLEAR: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clear.lua")));

pub(crate) async fn retract(
    line: &Connection,
    context: &Context,
    which: &Selector,
) -> Result<u64, Error> {
    let mut ask = request(&RETRACT, Idempotency::Idempotent, &[Key::context(context)]);
    match which {
        Selector::Tag(tag) => ask.arg("tag").arg(tag),
        Selector::Ids(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            ask.arg("id").arg(ids)
        }
    };
    run(line, ask).await?.next()
}

pub(crate) async fn clear(line: &Connection, context: &Context) -> Result<(), Error> {
    let keys = [Key::session_index(context), Key::context(context)];
    let mut ask = request(&CLEAR, Idempotency::Idempotent, &keys);
    ask.arg(0);
    run(line, ask).await?;
    Ok(())
}

pub(crate) async fn clear_session(
    line: &Connection,
    app: &str,
    session: &SessionId,
    close: Option<Duration>,
) -> Result<(), Error> {
    let mut ask = request(
        &CLEAR,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, session)],
    );
    ask.arg(close.map_or(0, millis));
    run(line, ask).await?;
    Ok(())
}
