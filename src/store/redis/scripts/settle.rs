//! Ending claims.

use std::sync::LazyLock;

use crate::Error;
use crate::redis::{Ask, Effect, Line, Lua};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{begin, read, run, session_of};
use crate::store::{Claim, HOPS, Held};

static CONFIRM: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("confirm.lua")));
static RELEASE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("release.lua")));

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
