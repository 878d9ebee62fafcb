//! Statistics, sweeps and permission checks.

use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::redis::{Client, Idempotency, Request, Script, parse};
use crate::store::redis::keys;
use crate::store::redis::scripts::call::run;
use crate::store::{ContextStats, millis};

static CHECK_PERMISSIONS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("check_permissions.lua")));
static SWEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sweep.lua")));
static STATS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("stats.lua")));

/// Returns the commands that the user has no permission to run.
pub(crate) async fn check_permissions(client: &Client, app: &str) -> Result<Vec<String>, Error> {
    let keys = keys::probe_keys(app);
    let mut request = Request::new(&CHECK_PERMISSIONS, Idempotency::Idempotent, keys.len());
    request.arg(&keys).arg(client.required_commands());
    run(client, request).await?.rest().map(parse).collect()
}

/// Removes the messages that are older than `max_age` from one context. Returns their number.
pub(crate) async fn sweep(client: &Client, key: &str, max_age: Duration) -> Result<u64, Error> {
    let mut request = Request::new(&SWEEP, Idempotency::Idempotent, 1);
    request.arg(key).arg(millis(max_age));
    run(client, request).await?.next()
}

/// Returns the statistics of one context.
pub(crate) async fn stats(client: &Client, key: &str) -> Result<ContextStats, Error> {
    let mut request = Request::new(&STATS, Idempotency::ReadOnly, 1);
    request.arg(key);
    let mut parts = run(client, request).await?;
    let (messages, bytes) = (parts.next()?, parts.next()?);
    let (oldest, skiplist): (u64, u8) = (parts.next()?, parts.next()?);
    Ok(ContextStats {
        messages,
        bytes,
        oldest: (oldest > 0).then_some(oldest),
        is_skiplist_encoded: skiplist == 1,
    })
}
