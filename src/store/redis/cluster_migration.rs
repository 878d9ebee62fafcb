//! Migration of a session in a Redis Cluster, where the keys of the two ids can be on different
//! servers. It has these steps, each safe to repeat: close the old session, so that reads find
//! nothing in it; copy each context, once; remove the copied context; confirm in the new session what
//! was confirmed in the old one meanwhile; forget the old context.

use futures_util::stream::{StreamExt, TryStreamExt, iter};

use crate::redis::Client;
use crate::store::redis::scripts;
use crate::store::redis::scripts::cluster;
use crate::store::redis::scripts::cluster::{ContextDump, SourceState, Written};
use crate::store::{Claim, ClaimedMembers, Limits, MAX_REDIRECTS};
use crate::{Context, Error, SessionId};

/// Maximum number of contexts that are copied concurrently. Bounds the memory: each can have a
/// megabyte.
const MAX_CONCURRENT_CONTEXTS: usize = 8;

pub(crate) async fn migrate(
    client: &Client,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    reopen: bool,
    limits: &Limits,
) -> Result<(), Error> {
    // A repeat does not reopen the new session: later changes to it are not undone.
    if cluster::close_source(client, app, from, to, limits, false).await? == SourceState::NotMoved {
        if from == to {
            return Ok(());
        }
        cluster::open_target(client, app, from, to, reopen).await?;
    }
    let SourceState::Moved(views) =
        cluster::close_source(client, app, from, to, limits, true).await?
    else {
        return Ok(());
    };
    let moves = iter(views).map(|view| async move {
        let old = Context::new(app, from.clone(), view)?;
        move_context(client, &old, to, limits).await
    });
    let moved: Result<(), Error> = moves
        .buffer_unordered(MAX_CONCURRENT_CONTEXTS)
        .try_collect()
        .await;
    // The old session is closed by now: after any failure the migration has to be repeated.
    moved.map_err(|error| Error::in_doubt("the session migration is incomplete").with_source(error))
}

async fn move_context(
    client: &Client,
    old: &Context,
    to: &SessionId,
    limits: &Limits,
) -> Result<(), Error> {
    let dump = cluster::read_context(client, old, limits).await?;
    let (new, copied) = write_following(client, old, to, &dump, limits).await?;
    let confirmed = cluster::delete_source(client, old, &copied).await?;
    if confirmed.is_empty() {
        return Ok(());
    }
    // A page of the old session has shown these messages meanwhile: the copies must not be shown.
    let claimed = vec![ClaimedMembers::new(new, confirmed)];
    let shown = Claim {
        members: claimed,
        ..Claim::default()
    };
    scripts::confirm(client, &shown).await?;
    cluster::finish_source(client, old).await
}

/// Writes a copied context to the new session, or to the session to which that has moved. Returns
/// the context that was written, and the members that were copied.
async fn write_following(
    client: &Client,
    old: &Context,
    to: &SessionId,
    dump: &ContextDump,
    limits: &Limits,
) -> Result<(Context, Vec<Vec<u8>>), Error> {
    let mut new = old.with_session(to.clone());
    for _ in 0..MAX_REDIRECTS {
        match cluster::write_context(client, old.session(), &new, dump, limits).await {
            Ok(Written::SessionMoved(session)) => new = new.with_session(session),
            Ok(Written::Copied(members)) => return Ok((new, members)),
            // A logout during the migration also removes the contexts that are not copied yet.
            Err(error) if error.is_session_closed() => return Ok((new, Vec::new())),
            Err(error) => return Err(error),
        }
    }
    Err(Error::unavailable("too many session redirects"))
}
