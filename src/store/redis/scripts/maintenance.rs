//! Counting, dropping what is old, and trying which commands are allowed.

use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::redis::{Connection, Idempotency, Request, Script};
use crate::store::redis::keys;
use crate::store::redis::scripts::call::{parse, run};
use crate::store::{ContextStats, millis};

static CHECK_PERMISSIONS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("check_permissions.lua")));
static SWEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sweep.lua")));
static STATS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("stats.lua")));

/// Tells which commands the user may not run.
pub(crate) async fn check_permissions(
    connection: &Connection,
    app: &str,
) -> Result<Vec<String>, Error> {
    let keys = keys::probe_keys(app);
    let mut request = Request::new(&CHECK_PERMISSIONS, Idempotency::Idempotent, keys.len());
    request.arg(&keys);
    run(connection, request).await?.0.map(parse).collect()
}

/// Drops what is older from one context; tells how many.
pub(crate) async fn sweep(connection: &Connection, key: &str, age: Duration) -> Result<u64, Error> {
    let mut request = Request::new(&SWEEP, Idempotency::Idempotent, 1);
    request.arg(key).arg(millis(age));
    run(connection, request).await?.next()
}

/// Counts what is in one context.
pub(crate) async fn stats(connection: &Connection, key: &str) -> Result<ContextStats, Error> {
    let mut request = Request::new(&STATS, Idempotency::ReadOnly, 1);
    request.arg(key);
    let mut parts = run(connection, request).await?;
    let (messages, bytes) = (parts.next()?, parts.next()?);
    let (oldest, wide): (u64, u8) = (parts.next()?, parts.next()?);
    Ok(ContextStats {
        messages,
        bytes,
        oldest: (oldest > 0).then_some(oldest),
        is_skiplist_encoded: wide == 1,
    })
}
