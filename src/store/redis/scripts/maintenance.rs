//! Counting, dropping what is old, and trying which commands are allowed.

use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::redis::{Ask, Effect, Line, Lua};
use crate::store::redis::keys;
use crate::store::redis::scripts::call::{read, run};
use crate::store::{Counted, millis};

static CHECK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("check.lua")));
static SWEEP: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("sweep.lua")));
static SURVEY: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("survey.lua")));

/// Tells which commands the user may not run.
pub(crate) async fn check(line: &Line, app: &str) -> Result<Vec<String>, Error> {
    let keys = keys::nobodys(app);
    let mut ask = Ask::new(&CHECK, Effect::Writes, keys.len());
    ask.arg(&keys);
    run(line, ask).await?.0.map(read).collect()
}

/// Drops what is older from one context; tells how many.
pub(crate) async fn sweep(line: &Line, key: &str, age: Duration) -> Result<u64, Error> {
    let mut ask = Ask::new(&SWEEP, Effect::Writes, 1);
    ask.arg(key).arg(millis(age));
    run(line, ask).await?.next()
}

/// Counts what is in one context.
pub(crate) async fn survey(line: &Line, key: &str) -> Result<Counted, Error> {
    let mut ask = Ask::new(&SURVEY, Effect::Reads, 1);
    ask.arg(key);
    let mut parts = run(line, ask).await?;
    let (messages, bytes) = (parts.next()?, parts.next()?);
    let (oldest, wide): (u64, u8) = (parts.next()?, parts.next()?);
    Ok(Counted {
        messages,
        bytes,
        oldest: (oldest > 0).then_some(oldest),
        is_wide: wide == 1,
    })
}
