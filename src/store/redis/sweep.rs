//! Dropping what is old, and counting what is there, a step at a time.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::Error;
use crate::redis::Connection;
use crate::store::redis::{scan, scripts};
use crate::store::{Surveyed, Swept};

pub(crate) async fn sweep(
    line: &Connection,
    app: &str,
    age: Duration,
    from: Option<&str>,
) -> Result<Swept, Error> {
    let page = scan::step(line, app, from).await?;
    let drops = page
        .contexts
        .iter()
        .map(|key| scripts::sweep(line, key, age));
    Ok(Swept {
        contexts: page.contexts.len() as u64,
        removed: try_join_all(drops).await?.into_iter().sum(),
        of: page.total_keys,
        next: page.next,
    })
}

pub(crate) async fn stats(
    line: &Connection,
    app: &str,
    from: Option<&str>,
) -> Result<Surveyed, Error> {
    let page = scan::step(line, app, from).await?;
    let counts = page.contexts.iter().map(|key| scripts::stats(line, key));
    let mut surveyed = Surveyed {
        of: page.total_keys,
        next: page.next,
        ..Surveyed::default()
    };
    for counted in try_join_all(counts).await? {
        surveyed.note(&counted);
    }
    Ok(surveyed)
}
