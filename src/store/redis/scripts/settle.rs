//! Settlement of claims: confirm and release.

use std::sync::LazyLock;

use crate::Error;
use crate::redis::{Client, Idempotency, Request, Script, parse};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, parse_session, run};
use crate::store::{Claim, ClaimedMembers, MAX_REDIRECTS};

static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Removes the members of a claim. If the session has moved meanwhile, also removes them under its
/// new id.
pub(crate) async fn confirm(client: &Client, claim: &Claim) -> Result<(), Error> {
    let Some(first) = non_empty(claim).next() else {
        return Ok(());
    };
    let app = first.context.app();
    let mut session = first.context.session().clone();
    for _ in 0..MAX_REDIRECTS {
        let mut request = Request::new(
            &CONFIRM,
            Idempotency::Idempotent,
            non_empty(claim).count() + 1,
        );
        request.arg(Key::SessionIndex(app, &session));
        for claimed in non_empty(claim) {
            request.arg(Key::Context(app, &session, claimed.context.view()));
        }
        append_members(&mut request, claim);
        let Some(moved) = run(client, request).await?.rest().next() else {
            return Ok(());
        };
        session = parse_session(&parse::<String>(moved)?)?;
    }
    Ok(())
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
