//! Removing messages.

use std::sync::LazyLock;
use std::time::Duration;

use crate::redis::{Effect, Line, Lua};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{begin, run};
use crate::store::{Which, millis};
use crate::{Context, Error, SessionId};

static RETRACT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("retract.lua")));
static CLEAR: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("clear.lua")));

pub(crate) async fn retract(line: &Line, context: &Context, which: &Which) -> Result<u64, Error> {
    let mut ask = begin(&RETRACT, Effect::Writes, &[Key::of(context)]);
    match which {
        Which::Tag(tag) => ask.arg("tag").arg(tag),
        Which::Ids(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            ask.arg("id").arg(ids)
        }
    };
    run(line, ask).await?.next()
}

pub(crate) async fn clear(line: &Line, context: &Context) -> Result<(), Error> {
    let keys = [Key::book_of(context), Key::of(context)];
    let mut ask = begin(&CLEAR, Effect::Writes, &keys);
    ask.arg(0);
    run(line, ask).await?;
    Ok(())
}

pub(crate) async fn clear_session(
    line: &Line,
    app: &str,
    session: &SessionId,
    close: Option<Duration>,
) -> Result<(), Error> {
    let mut ask = begin(&CLEAR, Effect::Writes, &[Key::Book(app, session)]);
    ask.arg(close.map_or(0, millis));
    run(line, ask).await?;
    Ok(())
}
