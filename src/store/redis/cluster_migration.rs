//! How a session moves where its keys and those of its new id are on different servers: in three steps, each
//! safe to repeat. Close the old id, which shows nothing from then on; copy each context; remove it.

use futures_util::stream::{StreamExt, TryStreamExt, iter};

use crate::redis::Connection;
use crate::store::redis::scripts;
use crate::store::redis::scripts::cluster;
use crate::store::redis::scripts::cluster::{ContextDump, SourceState};
use crate::store::{AddOutcome, Claim, ClaimedMembers, Limits, MAX_REDIRECTS};
use crate::{Context, Error, SessionId};

/// How many contexts are on their way at once: each may be a megabyte.
const MAX_CONCURRENT_CONTEXTS: usize = 8;

pub(crate) async fn migrate(
    connection: &Connection,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    open: bool,
    limits: &Limits,
) -> Result<(), Error> {
    // A repeat does not open the new id again: what has become of it since is not undone.
    if cluster::close_source(connection, app, from, to, limits, false).await? == SourceState::Open {
        if from == to {
            return Ok(());
        }
        cluster::open_target(connection, app, to, open).await?;
    }
    let SourceState::Closed(views) =
        cluster::close_source(connection, app, from, to, limits, true).await?
    else {
        return Ok(());
    };
    let moves = iter(views).map(|view| async move {
        let old = Context::new(app, from.clone(), view)?;
        move_context(connection, &old, to, limits).await
    });
    let moved: Result<(), Error> = moves
        .buffer_unordered(MAX_CONCURRENT_CONTEXTS)
        .try_collect()
        .await;
    // The old id is closed by now: whatever is in the way, the move has begun and is to be repeated.
    moved.map_err(|error| Error::in_doubt("the move has begun").with_source(error))
}

async fn move_context(
    connection: &Connection,
    old: &Context,
    to: &SessionId,
    limits: &Limits,
) -> Result<(), Error> {
    let dump = cluster::read_context(connection, old, limits).await?;
    let new = write_following(connection, old, to, &dump, limits).await?;
    let confirmed = cluster::delete_source(connection, old, &dump).await?;
    // Shown by a page of the old id in the meantime: the copy must not be shown again.
    let claimed = vec![ClaimedMembers::new(new, confirmed)];
    let shown = Claim {
        members: claimed,
        ..Claim::default()
    };
    scripts::confirm(connection, &shown).await
}

/// Writes what was carried under the new id, or under the one to which that has moved; tells where.
async fn write_following(
    connection: &Connection,
    old: &Context,
    to: &SessionId,
    dump: &ContextDump,
    limits: &Limits,
) -> Result<Context, Error> {
    let mut new = old.with_session(to.clone());
    for _ in 0..MAX_REDIRECTS {
        match cluster::write_context(connection, &new, dump, limits).await {
            Ok(AddOutcome::SessionMoved(session)) => new = new.with_session(session),
            // A logout that came before all was carried takes the rest too.
            Err(error) if error.is_closed() => return Ok(new),
            received => return received.map(|_| new),
        }
    }
    Err(Error::unavailable("too many session redirects (limit 4)"))
}
