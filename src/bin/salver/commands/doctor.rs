//! `doctor`: checks the server.

use std::time::{Duration, Instant};

use salver::store::{Issue, IssueKind, RedisStore, Store, StoreStats};
use salver::{Salver, SessionId, View};
use serde_json::json;

use crate::Outcome;
use crate::error::CliError;
use crate::output::Output;
use crate::server::{OTHER_PROTOCOL, Server};

/// Number of reads that measure the latency, enough for a 99th percentile.
const READS: usize = 100;
/// Maximum number of scan steps for the sample of contexts. Bounds the time of the command.
const SAMPLE_STEPS: usize = 20;

/// The application whose permissions are checked if none is named.
const DEFAULT_APP: &str = "salver";

/// Checks the server, and with an application a sample of its contexts.
pub(crate) async fn run(server: &Server, app: Option<&str>, output: &Output) -> Outcome {
    let store = server.store()?;
    let salver = Salver::new(app.unwrap_or(DEFAULT_APP), store.clone())?;
    let health = salver.health().await;
    let mut issues = health.issues().to_vec();
    let reached = !issues
        .iter()
        .any(|issue| issue.kind() == IssueKind::Unreachable);
    let (mut latency, mut hints) = (None, Vec::new());
    if reached && let Ok(measured) = measure_latency(&salver).await {
        latency = Some(measured);
        if let Some(app) = app {
            hints.extend(encoding_hint(&sample(&store, app).await));
        }
    }
    if !reached && server.speaks_other_protocol().await {
        let detail = OTHER_PROTOCOL;
        issues = vec![Issue::new(IssueKind::Unreachable, detail)];
    }
    let value = json!({
        "healthy": issues.is_empty(),
        "issues": issues.iter().map(to_json).collect::<Vec<_>>(),
        "hints": hints,
        "latency_us": latency.map(|(p50, p99)| json!({ "p50": p50.as_micros(), "p99": p99.as_micros() })),
    });
    let name = server.name();
    output.print(|| report(&name, &issues, &hints, latency), value)?;
    Ok(issues.is_empty())
}

fn to_json(issue: &Issue) -> serde_json::Value {
    let kind = issue.kind();
    json!({ "kind": kind.name(), "detail": issue.detail(), "advice": kind.advice() })
}

fn report(
    name: &str,
    issues: &[Issue],
    hints: &[String],
    latency: Option<(Duration, Duration)>,
) -> String {
    let mut lines = vec![format!("      {name}")];
    if issues.is_empty() {
        lines.push("ok    server, version, permissions, memory, clock".to_owned());
    }
    lines.extend(issues.iter().map(|issue| format!("FAIL  {issue}")));
    lines.extend(latency.map(|(p50, p99)| {
        let (p50, p99) = (p50.as_micros(), p99.as_micros());
        format!("ok    read latency p50 {p50} us, p99 {p99} us")
    }));
    lines.extend(hints.iter().map(|hint| format!("hint  {hint}")));
    lines.join("\n")
}

/// Returns the median and the 99th percentile of the read latency.
async fn measure_latency(salver: &Salver) -> Result<(Duration, Duration), CliError> {
    let probe = salver.context(SessionId::new("!doctor")?, View::ANY)?;
    let mut latencies = Vec::new();
    for _ in 0..READS {
        let started_at = Instant::now();
        salver.peek(&probe).await?;
        latencies.push(started_at.elapsed());
    }
    latencies.sort();
    let at = |index: usize| latencies.get(index).copied().unwrap_or_default();
    Ok((at(READS / 2), at(READS - 1)))
}

/// Returns the statistics of a sample of the contexts.
async fn sample(store: &RedisStore, app: &str) -> StoreStats {
    let mut sample = StoreStats::default();
    for _ in 0..SAMPLE_STEPS {
        let from = sample.cursor.clone();
        let Ok(step) = store.stats(app, from.as_deref()).await else {
            break;
        };
        sample.add(step);
        if sample.cursor.is_none() {
            break;
        }
    }
    sample
}

/// Returns a hint if more than half of the contexts are skiplist-encoded.
fn encoding_hint(sample: &StoreStats) -> Option<String> {
    (sample.skiplist_encoded * 2 > sample.contexts).then(|| {
        format!(
            "{} of {} contexts are skiplist-encoded, which takes three times the memory: run \
             `CONFIG SET zset-max-listpack-value 512` (before Redis 7 `zset-max-ziplist-value`)",
            sample.skiplist_encoded, sample.contexts
        )
    })
}
