//! Settlement of claims: confirm and release.

use std::sync::LazyLock;

#[cfg(feature = "web")]
use ::redis::Cmd;

#[cfg(feature = "web")]
use crate::redis::Batch;
use crate::redis::{Client, Idempotency, Request, Script, parse};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, parse_session, run};
use crate::store::{Claim, ClaimedMembers, MAX_REDIRECTS};
use crate::{Error, SessionId};

static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Initial capacity of the command that removes the members of one context, in arguments and in bytes.
#[cfg(feature = "web")]
const REMOVE_ARGS: usize = 4;
#[cfg(feature = "web")]
const REMOVE_BYTES: usize = 256;

/// Removes the members of a claim. If the session has moved meanwhile, also removes them under its
/// new id.
pub(crate) async fn confirm(client: &Client, claim: &Claim) -> Result<(), Error> {
    let mut session = None;
    for _ in 0..MAX_REDIRECTS {
        let Some(request) = confirm_request(claim, session.as_ref()) else {
            return Ok(());
        };
        let Some(moved) = run(client, request).await?.rest().next() else {
            return Ok(());
        };
        session = Some(parse_session(&parse::<String>(moved)?)?);
    }
    Ok(())
}

/// Builds the request that confirms a claim, under another id of its session if there is one. Returns
/// `None` for a claim without members.
fn confirm_request(claim: &Claim, session: Option<&SessionId>) -> Option<Request> {
    let first = &non_empty(claim).next()?.context;
    let session = session.unwrap_or(first.session());
    let keys = non_empty(claim).count() + 1;
    let mut request = Request::new(&CONFIRM, Idempotency::Idempotent, keys);
    request.arg(Key::SessionIndex(first.app(), session));
    for claimed in non_empty(claim) {
        request.arg(Key::Context(first.app(), session, claimed.context.view()));
    }
    append_members(&mut request, claim);
    Some(request)
}

/// Removes the members of several claims with one write. Returns whether all of them were there: those
/// of a session that has moved are under its new id.
///
/// Plain commands cost the server a third of a script. The last claim has the script, by whose reply the
/// others are verified. The numbers count together: two that were swapped would hide what is missing.
#[cfg(feature = "web")]
pub(crate) async fn confirm_batch(client: &Client, claims: &[&Claim]) -> Result<bool, Error> {
    let Some((last, others)) = claims.split_last() else {
        return Ok(true);
    };
    let Some(script) = confirm_request(last, None) else {
        return Ok(false);
    };
    let mut commands = Vec::with_capacity(others.len());
    let mut expected = Vec::with_capacity(others.len());
    for claimed in others.iter().flat_map(|claim| non_empty(claim)) {
        let mut remove = Cmd::with_capacity(REMOVE_ARGS, REMOVE_BYTES);
        remove.arg("ZREM").arg(Key::context(&claimed.context));
        remove.arg(&claimed.members);
        commands.push(remove);
        expected.push(i64::try_from(claimed.members.len()).ok());
    }
    let (removed, moved) = client.execute_batch(&Batch::new(commands, script)).await?;
    Ok(removed == expected && moved.is_empty())
}

pub(crate) async fn release(client: &Client, claim: &Claim) -> Result<(), Error> {
    let keys: Vec<_> = non_empty(claim)
        .map(|claimed| Key::context(&claimed.context))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut request = build_request(&RELEASE, Idempotency::NonIdempotent, &keys);
    request.arg(claim.lease_until_ms);
    append_members(&mut request, claim);
    run(client, request).await?;
    Ok(())
}

/// Returns the contexts in which a claim has members.
fn non_empty(claim: &Claim) -> impl Iterator<Item = &ClaimedMembers> {
    claim
        .members
        .iter()
        .filter(|claimed| !claimed.members.is_empty())
}

/// Appends, for each context, the number of members and the members.
fn append_members(request: &mut Request, claim: &Claim) {
    for claimed in non_empty(claim) {
        request.arg(claimed.members.len()).arg(&claimed.members);
    }
}
