//! The scripts of workers, each with one typed function.

use std::sync::LazyLock;

use crate::Error;
use crate::context::encode;
use crate::jobs::heartbeat::{HEARTBEAT_TTL, Heartbeat};
use crate::redis::{Client, Idempotency, Request, Script};
use crate::store::millis;

static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/beat.lua")));
static WORKERS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/workers.lua")));

static PARTITIONS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/partitions.lua")));

fn request(script: &'static Script, idempotency: Idempotency, app: &str, key: &str) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    request.arg(format!("{}!{key}", encode(app)));
    request
}

pub(super) async fn beat(
    client: &Client,
    app: &str,
    worker: &str,
    report: Option<&Heartbeat>,
) -> Result<(), Error> {
    let report = report.and_then(|report| serde_json::to_string(report).ok());
    let mut request = request(&BEAT, Idempotency::Idempotent, app, "workers");
    request.arg(worker).arg(millis(HEARTBEAT_TTL));
    request.arg(report.unwrap_or_default());
    client.execute_expecting(&request, "beat").await.map(drop)
}

pub(super) async fn workers(client: &Client, app: &str) -> Result<Vec<Heartbeat>, Error> {
    let request = request(&WORKERS, Idempotency::ReadOnly, app, "workers");
    let reports: Vec<String> = client
        .execute_expecting(&request, "workers")
        .await?
        .next()?;
    let reports = reports.iter();
    // One that another version has written may have other fields.
    Ok(reports
        .map(|report| serde_json::from_str(report).unwrap_or_default())
        .collect())
}

/// Returns the stored number of partitions, after storing `own` if there was none.
pub(super) async fn stored_partitions(
    client: &Client,
    app: &str,
    own: Option<usize>,
) -> Result<Option<usize>, Error> {
    let idempotency = match own {
        Some(_) => Idempotency::Idempotent,
        None => Idempotency::ReadOnly,
    };
    let mut request = request(&PARTITIONS, idempotency, app, "partitions");
    request.arg(own.map(|own| own.to_string()).unwrap_or_default());
    let mut reply = client.execute_expecting(&request, "partitions").await?;
    Ok(reply.next::<String>()?.parse().ok())
}
