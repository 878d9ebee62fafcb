//! Reading visible messages.

use std::sync::LazyLock;
use std::time::Duration;

use crate::redis::{Client, Idempotency, Parts, Request, Script, parse};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, run};
use crate::store::{Claim, ReadResult, millis};
use crate::{Context, Error, SessionId, View};

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("read.lua")));
static CONTEXTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("contexts.lua")));

#[cfg(all(feature = "inbox", feature = "live"))]
static SESSION_ENDED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("session_ended.lua")));

/// Returns whether a session was closed or has moved.
#[cfg(all(feature = "inbox", feature = "live"))]
pub(crate) async fn session_ended(
    client: &Client,
    app: &str,
    session: &SessionId,
) -> Result<bool, Error> {
    let key = [Key::SessionIndex(app, session)];
    let request = build_request(&SESSION_ENDED, Idempotency::ReadOnly, &key);
    run(client, request).await?.next()
}

/// The effect of a read on the members that it returns.
#[derive(Clone, Copy)]
pub(crate) enum ReadMode {
    Peek,
    Claim,
    Take,
}

pub(crate) async fn read(
    client: &Client,
    contexts: &[Context],
    mode: ReadMode,
    lease: Duration,
    max_age: Duration,
) -> Result<Claim, Error> {
    let Some(first) = contexts.first() else {
        return Ok(Claim::default());
    };
    let (mode_argument, idempotency) = match mode {
        ReadMode::Peek => ("peek", Idempotency::ReadOnly),
        // A repeated claim can return nothing, but loses no message: the first lease expires.
        ReadMode::Claim => ("claim", Idempotency::Idempotent),
        ReadMode::Take => ("take", Idempotency::NonIdempotent),
    };
    let mut request = Request::new(&READ, idempotency, contexts.len() + 1);
    request.arg(Key::session_index(first));
    for context in contexts {
        request.arg(Key::context(context));
    }
    request
        .arg(mode_argument)
        .arg(millis(lease))
        .arg(millis(max_age));
    let parts = client.execute(&request).await?;
    match parts.is_empty() {
        true => Ok(Claim::default()),
        false => parse_claim(Parts::new(parts), contexts, lease, &request),
    }
}

/// Parses the reply of a read that found a context.
fn parse_claim(
    mut parts: Parts,
    contexts: &[Context],
    lease: Duration,
    request: &Request,
) -> Result<Claim, Error> {
    let now: u64 = parts.next()?;
    let mut claim = Claim {
        lease_until_ms: now.saturating_add(millis(lease)),
        ..Claim::default()
    };
    // In the order of the request. Those that do not exist are left out.
    let mut requested = contexts.iter().enumerate();
    while parts.len() > 0 {
        let key: Vec<u8> = parts.next()?;
        let found = requested.find(|(number, _)| request.key(number + 1) == Some(&key));
        let Some((_, context)) = found else {
            return Err(Error::mismatched_reply(request.is_write()));
        };
        let displaced_before = claim.result.displaced;
        let members = parse_members(&mut parts, &mut claim.result)?;
        let result = &mut claim.result;
        let claimed = result.claimed_members(context, displaced_before, now, members);
        claim.members.push(claimed);
    }
    Ok(claim)
}

/// Parses the counts and the members of one context.
fn parse_members(parts: &mut Parts, result: &mut ReadResult) -> Result<Vec<Vec<u8>>, Error> {
    if let Ok(next) = u64::try_from(parts.next::<i64>()?) {
        result.record_due_in(Duration::from_millis(next));
    }
    let count: i64 = parts.next()?;
    if count < 0 {
        result.displaced += parts.next::<u64>()?;
        result.expired += parts.next::<u64>()?;
        result.unsupported += parts.next::<u64>()?;
    }
    let count = if count < 0 { -1 - count } else { count };
    (0..count).map(|_| parts.next()).collect()
}

pub(crate) async fn contexts(
    client: &Client,
    app: &str,
    session: &SessionId,
) -> Result<Vec<View>, Error> {
    let request = build_request(
        &CONTEXTS,
        Idempotency::ReadOnly,
        &[Key::SessionIndex(app, session)],
    );
    let reply = run(client, request).await?;
    let mut views = Vec::with_capacity(reply.len());
    for part in reply.rest() {
        // An external writer can have added a field that is not an encoded view.
        views.extend(View::from_encoded(&parse::<String>(part)?));
    }
    views.sort();
    Ok(views)
}
