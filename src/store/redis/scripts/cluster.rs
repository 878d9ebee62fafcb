//! The scripts of a migration between hash slots, each with one typed function.

use std::sync::LazyLock;

use crate::config::{Limits, MAX_MESSAGES};
use crate::context::encode;
use crate::redis::{Client, Idempotency, Script, parse};
use crate::store::millis;
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, parse_session, run};
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
static FINISH_SOURCE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("cluster/finish_source.lua")));

/// The state of the old session in a migration.
#[derive(PartialEq)]
pub(crate) enum SourceState {
    NotMoved,
    /// Is moving or has moved. Contains the views that have not been copied yet.
    Moved(Vec<View>),
}

pub(crate) async fn close_source(
    client: &Client,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    limits: &Limits,
    close: bool,
) -> Result<SourceState, Error> {
    let mut request = build_request(
        &CLOSE_SOURCE,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, from), Key::Confirmed(app, from)],
    );
    request.arg(encode(to.as_str())).arg(millis(limits.ttl));
    request.arg(if close { "close" } else { "check" });
    let mut parts = run(client, request).await?;
    match parts.next::<String>()?.as_str() {
        "not_moved" => Ok(SourceState::NotMoved),
        "moved" => {
            let mut views = Vec::with_capacity(parts.len());
            for part in parts.rest() {
                views.extend(View::from_encoded(&parse::<String>(part)?));
            }
            Ok(SourceState::Moved(views))
        }
        _ => Err(Error::session_closed()),
    }
}

pub(crate) async fn open_target(
    client: &Client,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    reopen: bool,
) -> Result<(), Error> {
    let mut request = build_request(
        &OPEN_TARGET,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, to), Key::Copied(app, to, from)],
    );
    request.arg(if reopen { "reopen" } else { "reject" });
    match run(client, request).await?.next::<String>()?.as_str() {
        "ok" => Ok(()),
        _ => Err(Error::session_closed()),
    }
}

/// The contents of a context that is copied to another hash slot.
pub(crate) struct ContextDump {
    /// Remaining time to live of the context, in milliseconds.
    ttl_ms: u64,
    displaced: u64,
    members: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads a whole context, each member with its score. An expired context has no members.
pub(crate) async fn read_context(
    client: &Client,
    from: &Context,
    limits: &Limits,
) -> Result<ContextDump, Error> {
    let keys = [Key::context(from), Key::session_index(from)];
    let mut request = build_request(&READ_CONTEXT, Idempotency::ReadOnly, &keys);
    request.arg(MAX_MESSAGES);
    let mut parts = run(client, request).await?;
    let ttl_ms: i64 = parts.next()?;
    Ok(ContextDump {
        // An external writer can create a context without expiry: use the minimum that an add sets.
        ttl_ms: u64::try_from(ttl_ms).unwrap_or_else(|_| millis(limits.ttl)),
        displaced: parts.next()?,
        members: parts.next()?,
    })
}

/// What has become of the copy of a context.
pub(crate) enum Written {
    /// The members that were copied, now or before.
    Copied(Vec<Vec<u8>>),
    /// The new session has moved to this one.
    SessionMoved(SessionId),
}

/// Writes a context that was read, unless it has been written before.
pub(crate) async fn write_context(
    client: &Client,
    from: &SessionId,
    to: &Context,
    dump: &ContextDump,
    limits: &Limits,
) -> Result<Written, Error> {
    let keys = [
        Key::context(to),
        Key::session_index(to),
        Key::Copied(to.app(), to.session(), from),
    ];
    let mut request = build_request(&WRITE_CONTEXT, Idempotency::Idempotent, &keys);
    request.arg(dump.ttl_ms).arg(limits.max_messages);
    request.arg(dump.displaced).arg(millis(limits.ttl));
    for (member, score) in &dump.members {
        request.arg(member).arg(score);
    }
    let mut parts = run(client, request).await?;
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Written::Copied(parts.next()?)),
        "moved" => Ok(Written::SessionMoved(parse_session(
            &parts.next::<String>()?,
        )?)),
        _ => Err(Error::session_closed()),
    }
}

/// Removes a context that was copied. Returns the members that were confirmed after they were
/// copied. If there are any, [`finish_source`] has to follow.
pub(crate) async fn delete_source(
    client: &Client,
    from: &Context,
    copied: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, Error> {
    let keys = [
        Key::context(from),
        Key::session_index(from),
        Key::Confirmed(from.app(), from.session()),
    ];
    let mut request = build_request(&DELETE_SOURCE, Idempotency::Idempotent, &keys);
    for member in copied {
        request.arg(member);
    }
    run(client, request).await?.rest().map(parse).collect()
}

/// Forgets a context that was removed, when what [`delete_source`] has returned is confirmed.
pub(crate) async fn finish_source(client: &Client, from: &Context) -> Result<(), Error> {
    let keys = [Key::context(from), Key::session_index(from)];
    let request = build_request(&FINISH_SOURCE, Idempotency::Idempotent, &keys);
    run(client, request).await.map(drop)
}
