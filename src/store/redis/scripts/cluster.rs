//! The scripts of a move between slots, each behind one typed function.

use std::sync::LazyLock;

use crate::context::encode;
use crate::redis::{Connection, Idempotency, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{parse, parse_session, request, run};
use crate::store::{AddOutcome, Limits, MAX_MESSAGES, millis};
use crate::{Context, Error, SessionId, View};

static CLOSE_SOURCE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/close_source.lua")));
static OPEN_TARGET: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/open_target.lua")));
static READ_CONTEXT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/read_context.lua")));
static WRITE_CONTEXT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/write_context.lua")));
static DELETE_SOURCE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/delete_source.lua")));

/// Where a session is that is to move.
#[derive(PartialEq)]
pub(crate) enum SourceState {
    Open,
    /// On its way or there, with the views that have not been carried yet.
    Closed(Vec<View>),
}

pub(crate) async fn close_source(
    line: &Connection,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    limits: &Limits,
    go: bool,
) -> Result<SourceState, Error> {
    let mut ask = request(
        &CLOSE_SOURCE,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, from)],
    );
    ask.arg(encode(to.as_str())).arg(millis(limits.ttl));
    ask.arg(if go { "go" } else { "ask" });
    let mut parts = run(line, ask).await?;
    match parts.next::<String>()?.as_str() {
        "here" => Ok(SourceState::Open),
        "gone" => {
            let mut views = Vec::with_capacity(parts.0.len());
            for part in parts.0 {
                views.extend(View::from_encoded(&parse::<String>(part)?));
            }
            Ok(SourceState::Closed(views))
        }
        _ => Err(Error::closed()),
    }
}

pub(crate) async fn open_target(
    line: &Connection,
    app: &str,
    to: &SessionId,
    open: bool,
) -> Result<(), Error> {
    let mut ask = request(
        &OPEN_TARGET,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, to)],
    );
    ask.arg(if open { "open" } else { "keep" });
    match run(line, ask).await?.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::closed()),
    }
}

/// All of a context on its way to another slot.
pub(crate) struct ContextDump {
    /// Milliseconds that the context has to live.
    ttl_ms: u64,
    displaced: u64,
    members: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads all of a context, each member with its score; of one that has expired, nothing.
pub(crate) async fn read_context(
    line: &Connection,
    from: &Context,
    limits: &Limits,
) -> Result<ContextDump, Error> {
    let keys = [Key::context(from), Key::session_index(from)];
    let mut ask = request(&READ_CONTEXT, Idempotency::ReadOnly, &keys);
    ask.arg(MAX_MESSAGES);
    let mut parts = run(line, ask).await?;
    let life: i64 = parts.next()?;
    Ok(ContextDump {
        // Of one that somebody else has made without an end, the least that an add would give it.
        ttl_ms: u64::try_from(life).unwrap_or_else(|_| millis(limits.ttl)),
        displaced: parts.next()?,
        members: parts.next()?,
    })
}

pub(crate) async fn write_context(
    line: &Connection,
    to: &Context,
    carried: &ContextDump,
    limits: &Limits,
) -> Result<AddOutcome, Error> {
    if carried.members.is_empty() {
        return Ok(AddOutcome::Added { displaced: 0 });
    }
    let keys = [Key::context(to), Key::session_index(to)];
    let mut ask = request(&WRITE_CONTEXT, Idempotency::Idempotent, &keys);
    ask.arg(carried.ttl_ms).arg(limits.max_messages);
    ask.arg(carried.displaced);
    for (member, score) in &carried.members {
        ask.arg(member).arg(score);
    }
    let mut parts = run(line, ask).await?;
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(AddOutcome::Added { displaced: 0 }),
        "moved" => Ok(AddOutcome::SessionMoved(parse_session(
            &parts.next::<String>()?,
        )?)),
        _ => Err(Error::closed()),
    }
}

/// Removes a context that was carried; gives the members that had been confirmed by then.
pub(crate) async fn delete_source(
    line: &Connection,
    from: &Context,
    carried: &ContextDump,
) -> Result<Vec<Vec<u8>>, Error> {
    let keys = [Key::context(from), Key::session_index(from)];
    let mut ask = request(&DELETE_SOURCE, Idempotency::Idempotent, &keys);
    for (member, _) in &carried.members {
        ask.arg(member);
    }
    run(line, ask).await?.0.map(parse).collect()
}
