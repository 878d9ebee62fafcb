//! Ending claims.

use std::sync::LazyLock;

use crate::Error;
use crate::redis::{Connection, Idempotency, Request, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{parse, parse_session, request, run};
use crate::store::{Claim, ClaimedMembers, MAX_REDIRECTS};

static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Removes what a claim holds; where the session has moved meanwhile, under its new id too.
pub(crate) async fn confirm(line: &Connection, claim: &Claim) -> Result<(), Error> {
    let Some(first) = non_empty(claim).next() else {
        return Ok(());
    };
    let app = first.context.app();
    let mut session = first.context.session().clone();
    for _ in 0..MAX_REDIRECTS {
        let mut ask = Request::new(
            &CONFIRM,
            Idempotency::Idempotent,
            non_empty(claim).count() + 1,
        );
        ask.arg(Key::SessionIndex(app, &session));
        for held in non_empty(claim) {
            ask.arg(Key::Context(app, &session, held.context.view()));
        }
        append_members(&mut ask, claim);
        let Some(moved) = run(line, ask).await?.0.next() else {
            return Ok(());
        };
        session = parse_session(&parse::<String>(moved)?)?;
    }
    Ok(())
}

pub(crate) async fn release(line: &Connection, claim: &Claim) -> Result<(), Error> {
    let keys: Vec<_> = non_empty(claim)
        .map(|held| Key::context(&held.context))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut ask = request(&RELEASE, Idempotency::NonIdempotent, &keys);
    ask.arg(claim.lease_until_ms);
    append_members(&mut ask, claim);
    run(line, ask).await?;
    Ok(())
}

/// Gives the contexts of which a claim holds something.
fn non_empty(claim: &Claim) -> impl Iterator<Item = &ClaimedMembers> {
    claim.members.iter().filter(|held| !held.members.is_empty())
}

/// Appends for each context how many members, then the members.
fn append_members(ask: &mut Request, claim: &Claim) {
    for held in non_empty(claim) {
        ask.arg(held.members.len()).arg(&held.members);
    }
}
