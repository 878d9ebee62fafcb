//! The scripts, each behind one typed function.

#[cfg(feature = "cluster")]
pub(crate) mod cluster;

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{FromRedisValue, Value, from_redis_value};

use crate::context::decode;
use crate::redis::{Ask, Effect, Line, Lua};
use crate::store::redis::keys;
use crate::store::redis::keys::Key;
use crate::store::{Claim, Counted, Found, Full, HOPS, Held, Limits, Placed, Which, millis};
use crate::{Context, Error, Message, SessionId, View, wire};

/// `add.lua`, which writers in other languages run by `EVAL`; its KEYS and ARGV are part of wire v1.
pub const ADD: &str = include_str!("../add.lua");

static ADD_SCRIPT: LazyLock<Lua> = LazyLock::new(|| Lua::new(ADD));
static LOOK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../look.lua")));
static CONFIRM: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../confirm.lua")));
static RELEASE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../release.lua")));
static RETRACT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../retract.lua")));
static CLEAR: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../clear.lua")));
static CONTEXTS: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../contexts.lua")));
static MIGRATE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../migrate.lua")));

static CHECK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../check.lua")));
static SWEEP: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../sweep.lua")));
static SURVEY: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../survey.lua")));

/// What a look does to what it finds.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Peek,
    Claim,
    Take,
}

/// Begins a request by its keys.
fn begin(script: &'static Lua, effect: Effect, keys: &[Key<'_>]) -> Ask {
    let mut ask = Ask::new(script, effect, keys.len());
    ask.arg(keys);
    ask
}

/// Runs a script; gives the parts of its reply after the first.
async fn run(line: &Line, ask: Ask) -> Result<Parts, Error> {
    Ok(Parts(line.ask(&ask).await?.into_iter()))
}

/// Reads one part of a reply.
pub(crate) fn read<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    from_redis_value(value).map_err(|_| Error::unreadable("a reply of Redis"))
}

/// Reads the parts of a reply in order; one that is missing is unreadable.
struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    fn next<T: FromRedisValue>(&mut self) -> Result<T, Error> {
        read(self.0.next().unwrap_or(Value::Nil))
    }
}

/// Reads a session id as keys spell it.
fn session_of(encoded: &str) -> Result<SessionId, Error> {
    let session = decode(encoded);
    SessionId::new(session.ok_or_else(|| Error::unreadable("a session id in Redis"))?)
}

/// Puts an add together, to be sent by whoever knows over which connection.
pub(crate) fn add(context: &Context, messages: &[Message], limits: &Limits) -> Result<Ask, Error> {
    let keys = [Key::of(context), Key::book_of(context)];
    let mut ask = begin(&ADD_SCRIPT, Effect::Writes, &keys);
    let full = match limits.full {
        Full::DropOldest => "drop",
        Full::Reject => "reject",
    };
    ask.arg(millis(limits.expiry));
    ask.arg(limits.messages).arg(limits.contexts).arg(full);
    for message in messages {
        ask.arg(millis(message.delay())).arg(wire::encode(message)?);
    }
    Ok(ask)
}

/// Reads what an add was answered.
pub(crate) fn added(parts: Vec<Value>) -> Result<Placed, Error> {
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

pub(crate) async fn look(
    line: &Line,
    contexts: &[Context],
    mode: Mode,
    lease: Duration,
    age: Duration,
) -> Result<Claim, Error> {
    let Some(first) = contexts.first() else {
        return Ok(Claim::default());
    };
    let (word, effect) = match mode {
        Mode::Peek => ("peek", Effect::Reads),
        // Twice at worst finds nothing the second time: the lease gives back.
        Mode::Claim => ("claim", Effect::Writes),
        Mode::Take => ("take", Effect::WritesOnce),
    };
    let mut ask = Ask::new(&LOOK, effect, contexts.len() + 1);
    ask.arg(Key::book_of(first));
    for context in contexts {
        ask.arg(Key::of(context));
    }
    ask.arg(word).arg(millis(lease)).arg(millis(age));
    let parts = line.ask(&ask).await?;
    match parts.is_empty() {
        true => Ok(Claim::default()),
        false => found(Parts(parts.into_iter()), contexts, &ask),
    }
}

/// Reads what a look was answered that found something.
fn found(mut parts: Parts, contexts: &[Context], ask: &Ask) -> Result<Claim, Error> {
    let now: u64 = parts.next()?;
    let mut claim = Claim {
        until: parts.next()?,
        ..Claim::default()
    };
    for (number, context) in contexts.iter().enumerate() {
        let mut shelf = Parts(parts.next::<Vec<Value>>()?.into_iter());
        if ask.key(number + 1) != Some(shelf.next::<Vec<u8>>()?.as_slice()) {
            return Err(Error::mismatch(ask.changes()));
        }
        let held = read_shelf(shelf, now, context, &mut claim.found)?;
        claim.held.push(held);
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
pub(crate) async fn confirm(line: &Line, claim: &Claim) -> Result<(), Error> {
    let Some(first) = held(claim).next() else {
        return Ok(());
    };
    let app = first.context.app();
    let mut session = first.context.session().clone();
    for _ in 0..HOPS {
        let mut ask = Ask::new(&CONFIRM, Effect::Writes, held(claim).count() + 1);
        ask.arg(Key::Book(app, &session));
        for held in held(claim) {
            ask.arg(Key::Context(app, &session, held.context.view()));
        }
        append_members(&mut ask, claim);
        let Some(moved) = run(line, ask).await?.0.next() else {
            return Ok(());
        };
        session = session_of(&read::<String>(moved)?)?;
    }
    Ok(())
}

pub(crate) async fn release(line: &Line, claim: &Claim) -> Result<(), Error> {
    let keys: Vec<_> = held(claim).map(|held| Key::of(&held.context)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut ask = begin(&RELEASE, Effect::WritesOnce, &keys);
    ask.arg(claim.until);
    append_members(&mut ask, claim);
    run(line, ask).await?;
    Ok(())
}

/// Gives the contexts of which a claim holds something.
fn held(claim: &Claim) -> impl Iterator<Item = &Held> {
    claim.held.iter().filter(|held| !held.members.is_empty())
}

/// Appends for each context how many members, then the members.
fn append_members(ask: &mut Ask, claim: &Claim) {
    for held in held(claim) {
        ask.arg(held.members.len()).arg(&held.members);
    }
}

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

pub(crate) async fn contexts(
    line: &Line,
    app: &str,
    session: &SessionId,
) -> Result<Vec<View>, Error> {
    let ask = begin(&CONTEXTS, Effect::Reads, &[Key::Book(app, session)]);
    let reply = run(line, ask).await?;
    let mut views = Vec::with_capacity(reply.0.len());
    for part in reply.0 {
        // A foreign writer may have left a field that spells no view.
        views.extend(View::from_encoded(&read::<String>(part)?));
    }
    views.sort();
    Ok(views)
}

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
