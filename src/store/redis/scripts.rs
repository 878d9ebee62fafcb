//! The scripts, each behind one typed function.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{FromRedisValue, Script, Value, from_redis_value, pipe};

use super::keys;
use crate::context::decode;
use crate::link::{Ask, Effect, Line};
use crate::store::{Claim, Found, Full, HOPS, Held, Limits, Placed, Which, millis};
use crate::{Context, Error, Message, SessionId, View, wire};

/// `add.lua`, which writers in other languages run by `EVAL`; its KEYS and ARGV are part of wire v1.
pub const ADD: &str = include_str!("add.lua");

static ADD_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(ADD));
static LOOK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("look.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));
static RETRACT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("retract.lua")));
static CLEAR: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clear.lua")));
static CONTEXTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("contexts.lua")));
static MIGRATE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("migrate.lua")));

/// What a look does to what it finds.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Peek,
    Claim,
    Take,
}

/// Runs a script and gives its reply's parts, after checking that the first names the key it was asked for.
async fn run(
    line: &Line,
    script: &'static Script,
    effect: Effect,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
) -> Result<Vec<Value>, Error> {
    let asked = keys.first().cloned().unwrap_or_default();
    let reply = line.ask(Ask::Script { script, keys, args }, effect).await?;
    let mut parts: Vec<Value> = read(reply)?;
    if parts.is_empty() || read::<String>(parts.remove(0))? != asked {
        return Err(Error::unreadable("the reply to another request"));
    }
    Ok(parts)
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, Error> {
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

pub(super) async fn add(
    line: &Line,
    context: &Context,
    messages: &[Message],
    limits: &Limits,
) -> Result<Placed, Error> {
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
    let reply = run(line, &ADD_SCRIPT, Effect::Writes, keys, args).await?;
    let mut parts = Parts(reply.into_iter());
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Placed::Here {
            displaced: parts.next()?,
        }),
        "moved" => {
            let session = decode(&parts.next::<String>()?);
            let session = session.ok_or_else(|| Error::unreadable("a session id in Redis"))?;
            Ok(Placed::Moved(SessionId::new(session)?))
        }
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
        Mode::Claim => ("claim", Effect::WritesOnce),
        Mode::Take => ("take", Effect::WritesOnce),
    };
    let args = vec![word.into(), number(millis(lease)), number(millis(age))];
    let reply = run(line, &LOOK, effect, keys, args).await?;
    let mut parts = Parts(reply.into_iter());
    let now: u64 = parts.next()?;
    claim.until = parts.next()?;
    for context in contexts {
        let mut shelf = Parts(parts.next::<Vec<Value>>()?.into_iter());
        if shelf.next::<String>()? != context.key() {
            return Err(Error::unreadable("the reply to another request"));
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

/// Removes what a claim holds; where the session has moved meanwhile, under its new id too. No script: each
/// command is whole in itself, and the new id may be in another slot.
pub(super) async fn confirm(line: &Line, claim: &Claim) -> Result<(), Error> {
    let Some(first) = claim.held.first() else {
        return Ok(());
    };
    let mut session = first.context.session().clone();
    for _ in 0..HOPS {
        let mut commands = pipe();
        for held in claim.held.iter().filter(|held| !held.members.is_empty()) {
            let key = held.context.with_session(session.clone()).key();
            let removal = commands.cmd("ZREM").arg(key);
            removal.arg(&held.members).ignore();
        }
        let book = keys::book(first.context.app(), &session);
        commands.cmd("HGET").arg(book).arg("!moved");
        let reply = line.ask(Ask::Pipeline(commands), Effect::Writes).await?;
        let (moved,): (Option<String>,) = read(reply)?;
        let Some(Ok(moved)) = moved.as_deref().and_then(decode).map(SessionId::new) else {
            return Ok(());
        };
        session = moved;
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
    run(line, &RELEASE, Effect::WritesOnce, keys, args).await?;
    Ok(())
}

pub(super) async fn retract(line: &Line, context: &Context, which: &Which) -> Result<u64, Error> {
    let args = match which {
        Which::Tag(tag) => vec!["tag".into(), tag.clone().into()],
        Which::Id(id) => vec!["id".into(), id.to_string().into()],
    };
    let keys = vec![context.key()];
    let reply = run(line, &RETRACT, Effect::Writes, keys, args).await?;
    Parts(reply.into_iter()).next()
}

pub(super) async fn clear(line: &Line, context: &Context) -> Result<(), Error> {
    let keys = vec![keys::book(context.app(), context.session()), context.key()];
    run(line, &CLEAR, Effect::Writes, keys, vec![number(0)]).await?;
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
    run(line, &CLEAR, Effect::Writes, keys, args).await?;
    Ok(())
}

pub(super) async fn contexts(
    line: &Line,
    app: &str,
    session: &SessionId,
) -> Result<Vec<View>, Error> {
    let keys = vec![keys::book(app, session)];
    let reply = run(line, &CONTEXTS, Effect::Reads, keys, Vec::new()).await?;
    let mut views = Vec::with_capacity(reply.len());
    for part in reply {
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
    let reply = run(line, &MIGRATE, Effect::Writes, keys, args).await?;
    match Parts(reply.into_iter()).next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}
