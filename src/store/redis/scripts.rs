//! The scripts, each behind one typed function.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{FromRedisValue, Value, from_redis_value};

use super::keys;
use crate::context::decode;
#[cfg(feature = "cluster")]
use crate::context::encode;
use crate::link::{Ask, Effect, Line, Lua};
#[cfg(feature = "cluster")]
use crate::store::MAX_MESSAGES;
use crate::store::{Claim, Found, Full, HOPS, Held, Limits, Placed, Which, millis};
use crate::{Context, Error, Message, SessionId, View, wire};

/// `add.lua`, which writers in other languages run by `EVAL`; its KEYS and ARGV are part of wire v1.
pub const ADD: &str = include_str!("add.lua");

static ADD_SCRIPT: LazyLock<Lua> = LazyLock::new(|| Lua::new(ADD));
static LOOK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("look.lua")));
static CONFIRM: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("confirm.lua")));
static RELEASE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("release.lua")));
static RETRACT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("retract.lua")));
static CLEAR: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("clear.lua")));
static CONTEXTS: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("contexts.lua")));
static MIGRATE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("migrate.lua")));

static CHECK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("check.lua")));
static SWEEP: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("sweep.lua")));
#[cfg(feature = "cluster")]
static LEAVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("leave.lua")));
#[cfg(feature = "cluster")]
static ARRIVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("arrive.lua")));
#[cfg(feature = "cluster")]
static CARRY: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("carry.lua")));
#[cfg(feature = "cluster")]
static RECEIVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("receive.lua")));
#[cfg(feature = "cluster")]
static DISCARD: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("discard.lua")));

/// What a look does to what it finds.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Peek,
    Claim,
    Take,
}

/// Runs a script; gives the parts of its reply after the first.
async fn ask(
    line: &Line,
    script: &'static Lua,
    effect: Effect,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
) -> Result<Parts, Error> {
    let ask = Ask {
        script,
        keys,
        args,
        effect,
    };
    Ok(Parts(line.ask(ask).await?.into_iter()))
}

/// Reads one part of a reply.
pub(super) fn read<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    from_redis_value(value).map_err(|_| Error::unreadable("a reply of Redis"))
}

/// Reads the parts of a reply in order; one that is missing is unreadable.
struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    fn next<T: FromRedisValue>(&mut self) -> Result<T, Error> {
        read(self.0.next().unwrap_or(Value::Nil))
    }
}

fn number(value: u64) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Reads a session id as keys spell it.
fn session_of(encoded: &str) -> Result<SessionId, Error> {
    let session = decode(encoded);
    SessionId::new(session.ok_or_else(|| Error::unreadable("a session id in Redis"))?)
}

/// Puts an add together, to be sent by whoever knows over which connection.
pub(super) fn add(context: &Context, messages: &[Message], limits: &Limits) -> Result<Ask, Error> {
    let keys = vec![context.key(), keys::book(context.app(), context.session())];
    let full = match limits.full {
        Full::DropOldest => "drop",
        Full::Reject => "reject",
    };
    let mut args = vec![
        number(millis(limits.expiry)),
        number(limits.messages as u64),
        number(limits.contexts as u64),
        full.into(),
    ];
    for message in messages {
        args.push(number(millis(message.delay())));
        args.push(wire::encode(message)?);
    }
    Ok(Ask {
        script: &ADD_SCRIPT,
        keys,
        args,
        effect: Effect::Writes,
    })
}

/// Reads what an add was answered.
pub(super) fn added(parts: Vec<Value>) -> Result<Placed, Error> {
    let mut parts = Parts(parts.into_iter());
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Placed::Here {
            displaced: parts.next()?,
        }),
        "moved" => Ok(Placed::Moved(session_of(&parts.next::<String>()?)?)),
        "closed" => Err(Error::closed()),
        "full" => Err(match parts.next::<String>()?.as_str() {
            "contexts" => Error::full("the session has too many contexts"),
            _ => Error::full("the context is full"),
        }),
        _ => Err(Error::unreadable("a reply of Redis")),
    }
}

pub(super) async fn look(
    line: &Line,
    contexts: &[Context],
    mode: Mode,
    lease: Duration,
    age: Duration,
) -> Result<Claim, Error> {
    let mut claim = Claim::default();
    let Some(first) = contexts.first() else {
        return Ok(claim);
    };
    let mut keys = vec![keys::book(first.app(), first.session())];
    keys.extend(contexts.iter().map(Context::key));
    let (word, effect) = match mode {
        Mode::Peek => ("peek", Effect::Reads),
        // Twice at worst finds nothing the second time: the lease gives back.
        Mode::Claim => ("claim", Effect::Writes),
        Mode::Take => ("take", Effect::WritesOnce),
    };
    let args = vec![word.into(), number(millis(lease)), number(millis(age))];
    let mut parts = ask(line, &LOOK, effect, keys, args).await?;
    if parts.0.len() == 0 {
        return Ok(claim);
    }
    let now: u64 = parts.next()?;
    claim.until = parts.next()?;
    for context in contexts {
        let mut shelf = Parts(parts.next::<Vec<Value>>()?.into_iter());
        if shelf.next::<String>()? != context.key() {
            return Err(Error::mismatch(effect != Effect::Reads));
        }
        claim
            .held
            .push(read_shelf(shelf, now, context, &mut claim.found)?);
    }
    Ok(claim)
}

fn read_shelf(
    mut shelf: Parts,
    now: u64,
    context: &Context,
    found: &mut Found,
) -> Result<Held, Error> {
    if let Ok(next) = u64::try_from(shelf.next::<i64>()?) {
        found.due_in(Duration::from_millis(next));
    }
    found.displaced += shelf.next::<u64>()?;
    found.expired += shelf.next::<u64>()?;
    found.newer += shelf.next::<u64>()?;
    let members: Vec<Vec<u8>> = shelf.next()?;
    Ok(Held::new(context.clone(), found.read(now, members)))
}

/// Removes what a claim holds; where the session has moved meanwhile, under its new id too.
pub(super) async fn confirm(line: &Line, claim: &Claim) -> Result<(), Error> {
    let held = || claim.held.iter().filter(|held| !held.members.is_empty());
    let Some(first) = held().next() else {
        return Ok(());
    };
    let mut args = Vec::new();
    for held in held() {
        args.push(number(held.members.len() as u64));
        args.extend(held.members.iter().cloned());
    }
    let mut session = first.context.session().clone();
    for _ in 0..HOPS {
        let mut keys = vec![keys::book(first.context.app(), &session)];
        keys.extend(held().map(|held| held.context.with_session(session.clone()).key()));
        let mut reply = ask(line, &CONFIRM, Effect::Writes, keys, args.clone()).await?;
        let Some(moved) = reply.0.next() else {
            return Ok(());
        };
        session = session_of(&read::<String>(moved)?)?;
    }
    Ok(())
}

pub(super) async fn release(line: &Line, claim: &Claim) -> Result<(), Error> {
    let held = || claim.held.iter().filter(|held| !held.members.is_empty());
    let keys: Vec<_> = held().map(|held| held.context.key()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut args = vec![number(claim.until)];
    for held in held() {
        args.push(number(held.members.len() as u64));
        args.extend(held.members.iter().cloned());
    }
    ask(line, &RELEASE, Effect::WritesOnce, keys, args).await?;
    Ok(())
}

pub(super) async fn retract(line: &Line, context: &Context, which: &Which) -> Result<u64, Error> {
    let args = match which {
        Which::Tag(tag) => vec!["tag".into(), tag.clone().into()],
        Which::Id(id) => vec!["id".into(), id.to_string().into()],
    };
    let keys = vec![context.key()];
    ask(line, &RETRACT, Effect::Writes, keys, args)
        .await?
        .next()
}

pub(super) async fn clear(line: &Line, context: &Context) -> Result<(), Error> {
    let keys = vec![keys::book(context.app(), context.session()), context.key()];
    ask(line, &CLEAR, Effect::Writes, keys, vec![number(0)]).await?;
    Ok(())
}

pub(super) async fn clear_session(
    line: &Line,
    app: &str,
    session: &SessionId,
    close: Option<Duration>,
) -> Result<(), Error> {
    let keys = vec![keys::book(app, session)];
    let args = vec![number(close.map_or(0, millis))];
    ask(line, &CLEAR, Effect::Writes, keys, args).await?;
    Ok(())
}

pub(super) async fn contexts(
    line: &Line,
    app: &str,
    session: &SessionId,
) -> Result<Vec<View>, Error> {
    let keys = vec![keys::book(app, session)];
    let reply = ask(line, &CONTEXTS, Effect::Reads, keys, Vec::new()).await?;
    let mut views = Vec::with_capacity(reply.0.len());
    for part in reply.0 {
        // A foreign writer may have left a field that spells no view.
        views.extend(View::from_encoded(&read::<String>(part)?));
    }
    views.sort();
    Ok(views)
}

pub(super) async fn migrate(
    line: &Line,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    open: bool,
    limits: &Limits,
) -> Result<(), Error> {
    let keys = vec![keys::book(app, from), keys::book(app, to)];
    let open = if open { "open" } else { "keep" };
    let args = vec![
        number(millis(limits.expiry)),
        number(limits.messages as u64),
        open.into(),
    ];
    let mut reply = ask(line, &MIGRATE, Effect::Writes, keys, args).await?;
    match reply.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}

/// Tells which commands the user may not run.
pub(super) async fn check(line: &Line, app: &str) -> Result<Vec<String>, Error> {
    let reply = ask(line, &CHECK, Effect::Writes, keys::nobodys(app), Vec::new()).await?;
    reply.0.map(read).collect()
}

/// Drops what is older from one context; tells how many.
pub(super) async fn sweep(line: &Line, key: String, age: Duration) -> Result<u64, Error> {
    let args = vec![number(millis(age))];
    ask(line, &SWEEP, Effect::Writes, vec![key], args)
        .await?
        .next()
}

/// Where a session is that is to move.
#[cfg(feature = "cluster")]
#[derive(PartialEq)]
pub(super) enum Left {
    Here,
    /// On its way or there, with the views that have not been carried yet.
    Gone(Vec<View>),
}

#[cfg(feature = "cluster")]
pub(super) async fn leave(
    line: &Line,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    limits: &Limits,
    go: bool,
) -> Result<Left, Error> {
    let args = vec![
        encode(to.as_str()).into_bytes(),
        number(millis(limits.expiry)),
        if go { "go" } else { "ask" }.into(),
    ];
    let keys = vec![keys::book(app, from)];
    let mut parts = ask(line, &LEAVE, Effect::Writes, keys, args).await?;
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

#[cfg(feature = "cluster")]
pub(super) async fn arrive(
    line: &Line,
    app: &str,
    to: &SessionId,
    open: bool,
) -> Result<(), Error> {
    let word = if open { "open" } else { "keep" };
    let keys = vec![keys::book(app, to)];
    let mut parts = ask(line, &ARRIVE, Effect::Writes, keys, vec![word.into()]).await?;
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}

/// All of a context on its way to another slot.
#[cfg(feature = "cluster")]
pub(super) struct Carried {
    /// Milliseconds that the context has to live.
    life: u64,
    displaced: u64,
    members: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads all of a context, each member with its score; of one that has expired, nothing.
#[cfg(feature = "cluster")]
pub(super) async fn carry(line: &Line, from: &Context, limits: &Limits) -> Result<Carried, Error> {
    let keys = vec![from.key(), keys::book(from.app(), from.session())];
    let args = vec![number(MAX_MESSAGES as u64)];
    let mut parts = ask(line, &CARRY, Effect::Reads, keys, args).await?;
    let life: i64 = parts.next()?;
    Ok(Carried {
        // Of one that somebody else has made without an end, the least that an add would give it.
        life: u64::try_from(life).unwrap_or_else(|_| millis(limits.expiry)),
        displaced: parts.next()?,
        members: parts.next()?,
    })
}

#[cfg(feature = "cluster")]
pub(super) async fn receive(
    line: &Line,
    to: &Context,
    carried: &Carried,
    limits: &Limits,
) -> Result<Placed, Error> {
    let mut args = vec![
        number(carried.life),
        number(limits.messages as u64),
        number(carried.displaced),
    ];
    for (member, score) in &carried.members {
        args.extend([member.clone(), score.clone()]);
    }
    if carried.members.is_empty() {
        return Ok(Placed::Here { displaced: 0 });
    }
    let keys = vec![to.key(), keys::book(to.app(), to.session())];
    let mut parts = ask(line, &RECEIVE, Effect::Writes, keys, args).await?;
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Placed::Here { displaced: 0 }),
        "moved" => Ok(Placed::Moved(session_of(&parts.next::<String>()?)?)),
        _ => Err(Error::closed()),
    }
}

/// Removes a context that was carried; gives the members that had been confirmed by then.
#[cfg(feature = "cluster")]
pub(super) async fn discard(
    line: &Line,
    from: &Context,
    carried: &Carried,
) -> Result<Vec<Vec<u8>>, Error> {
    let keys = vec![from.key(), keys::book(from.app(), from.session())];
    let members = carried.members.iter().map(|(member, _)| member.clone());
    let gone = ask(line, &DISCARD, Effect::Writes, keys, members.collect()).await?;
    gone.0.map(read).collect()
}
