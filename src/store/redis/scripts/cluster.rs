//! The scripts of a move between slots, each behind one typed function.

use std::sync::LazyLock;

use crate::context::encode;
use crate::redis::{Effect, Line, Lua};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{begin, read, run, session_of};
use crate::store::{Limits, MAX_MESSAGES, Placed, millis};
use crate::{Context, Error, SessionId, View};

static LEAVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("cluster/leave.lua")));
static ARRIVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("cluster/arrive.lua")));
static CARRY: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("cluster/carry.lua")));
static RECEIVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("cluster/receive.lua")));
static DISCARD: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("cluster/discard.lua")));

/// Where a session is that is to move.
#[derive(PartialEq)]
pub(crate) enum Left {
    Here,
    /// On its way or there, with the views that have not been carried yet.
    Gone(Vec<View>),
}

pub(crate) async fn leave(
    line: &Line,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    limits: &Limits,
    go: bool,
) -> Result<Left, Error> {
    let mut ask = begin(&LEAVE, Effect::Writes, &[Key::Book(app, from)]);
    ask.arg(encode(to.as_str())).arg(millis(limits.expiry));
    ask.arg(if go { "go" } else { "ask" });
    let mut parts = run(line, ask).await?;
    match parts.next::<String>()?.as_str() {
        "here" => Ok(Left::Here),
        "gone" => {
            let mut views = Vec::with_capacity(parts.0.len());
            for part in parts.0 {
                views.extend(View::from_encoded(&read::<String>(part)?));
            }
            Ok(Left::Gone(views))
        }
        _ => Err(Error::closed()),
    }
}

pub(crate) async fn arrive(
    line: &Line,
    app: &str,
    to: &SessionId,
    open: bool,
) -> Result<(), Error> {
    let mut ask = begin(&ARRIVE, Effect::Writes, &[Key::Book(app, to)]);
    ask.arg(if open { "open" } else { "keep" });
    match run(line, ask).await?.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}

/// All of a context on its way to another slot.
pub(crate) struct Carried {
    /// Milliseconds that the context has to live.
    life: u64,
    displaced: u64,
    members: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads all of a context, each member with its score; of one that has expired, nothing.
pub(crate) async fn carry(line: &Line, from: &Context, limits: &Limits) -> Result<Carried, Error> {
    let keys = [Key::of(from), Key::book_of(from)];
    let mut ask = begin(&CARRY, Effect::Reads, &keys);
    ask.arg(MAX_MESSAGES);
    let mut parts = run(line, ask).await?;
    let life: i64 = parts.next()?;
    Ok(Carried {
        // Of one that somebody else has made without an end, the least that an add would give it.
        life: u64::try_from(life).unwrap_or_else(|_| millis(limits.expiry)),
        displaced: parts.next()?,
        members: parts.next()?,
    })
}

pub(crate) async fn receive(
    line: &Line,
    to: &Context,
    carried: &Carried,
    limits: &Limits,
) -> Result<Placed, Error> {
    if carried.members.is_empty() {
        return Ok(Placed::Here { displaced: 0 });
    }
    let keys = [Key::of(to), Key::book_of(to)];
    let mut ask = begin(&RECEIVE, Effect::Writes, &keys);
    ask.arg(carried.life).arg(limits.messages);
    ask.arg(carried.displaced);
    for (member, score) in &carried.members {
        ask.arg(member).arg(score);
    }
    let mut parts = run(line, ask).await?;
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Placed::Here { displaced: 0 }),
        "moved" => Ok(Placed::Moved(session_of(&parts.next::<String>()?)?)),
        _ => Err(Error::closed()),
    }
}

/// Removes a context that was carried; gives the members that had been confirmed by then.
pub(crate) async fn discard(
    line: &Line,
    from: &Context,
    carried: &Carried,
) -> Result<Vec<Vec<u8>>, Error> {
    let keys = [Key::of(from), Key::book_of(from)];
    let mut ask = begin(&DISCARD, Effect::Writes, &keys);
    for (member, _) in &carried.members {
        ask.arg(member);
    }
    run(line, ask).await?.0.map(read).collect()
}
