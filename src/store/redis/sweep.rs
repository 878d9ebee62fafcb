//! Removing old messages and counting messages, in steps of bounded size.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::Error;
use crate::redis::Client;
use crate::store::redis::{scan, scripts};
use crate::store::{StoreStats, SweepProgress};

pub(crate) async fn sweep(
    client: &Client,
    app: &str,
    max_age: Duration,
    from: Option<&str>,
) -> Result<SweepProgress, Error> {
    let page = scan::step(client, app, from).await?;
    let sweeps = page
        .contexts
        .iter()
        .map(|key| scripts::sweep(client, key, max_age));
    Ok(SweepProgress {
        contexts: page.contexts.len() as u64,
        removed: try_join_all(sweeps).await?.into_iter().sum(),
        total_keys: page.total_keys,
        cursor: page.next,
    })
}

pub(crate) async fn stats(
    client: &Client,
    app: &str,
    from: Option<&str>,
) -> Result<StoreStats, Error> {
    let page = scan::step(client, app, from).await?;
    let counts = page.contexts.iter().map(|key| scripts::stats(client, key));
    let mut stats = StoreStats {
        total_keys: page.total_keys,
        cursor: page.next,
        ..StoreStats::default()
    };
    for context in try_join_all(counts).await? {
        stats.add_context(&context);
    }
    Ok(stats)
}
