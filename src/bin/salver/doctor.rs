//! Looks for what keeps messages from arriving.

use std::time::{Duration, Instant};

use salver::store::{Issue, IssueKind as Named, RedisStore, Store, StoreStats};
use salver::{Salver, SessionId, View};
use serde_json::json;

use crate::Outcome;
use crate::error::CliError;
use crate::output::Output;
use crate::server::{OTHER_PROTOCOL, Server};

/// How many looks tell how fast the server answers.
const READS: usize = 100;
/// How many steps through the contexts tell in which form they are kept.
const SAMPLE_STEPS: usize = 20;

pub(crate) async fn run(server: &Server, app: &str, output: &Output) -> Outcome {
    let store = server.store()?;
    let salver = Salver::new(app, store.clone())?;
    let health = salver.health().await;
    let mut issues = health.issues().to_vec();
    let reached = !issues
        .iter()
        .any(|issue| issue.kind() == Named::Unreachable);
    let (mut latency, mut hints) = (None, Vec::new());
    if reached && let Ok(measured) = measure_latency(&salver).await {
        latency = Some(measured);
        hints.extend(encoding_hint(&sample(&store, app).await));
    }
    if !reached && server.speaks_other_protocol().await {
        let detail = OTHER_PROTOCOL;
        issues = vec![Issue::new(Named::Unreachable, detail)];
    }
    let value = json!({
        "good": issues.is_empty(),
        "findings": issues.iter().map(to_json).collect::<Vec<_>>(),
        "hints": hints,
        "latency_us": latency.map(|(p50, p99)| json!({ "p50": p50.as_micros(), "p99": p99.as_micros() })),
    });
    let name = server.name();
    output.print(|| report(&name, &issues, &hints, latency), value)?;
    Ok(issues.is_empty())
}

fn to_json(issue: &Issue) -> serde_json::Value {
    let trouble = issue.kind();
    json!({ "trouble": trouble.name(), "detail": issue.detail(), "advice": trouble.advice() })
}

fn report(
    name: &str,
    issues: &[Issue],
    hints: &[String],
    latency: Option<(Duration, Duration)>,
) -> String {
    let mut lines = vec![format!("      {name}")];
    if issues.is_empty() {
        lines.push("ok    server, version, rights, memory, clock".to_owned());
    }
    lines.extend(issues.iter().map(|issue| format!("wrong {issue}")));
    lines.extend(latency.map(|(p50, p99)| {
        let (p50, p99) = (p50.as_micros(), p99.as_micros());
        format!("ok    a look takes {p50} us, one in a hundred {p99} us or more")
    }));
    lines.extend(hints.iter().map(|hint| format!("hint  {hint}")));
    lines.join("\n")
}

/// Measures how long a look takes: the median, and what one in a hundred takes at least.
async fn measure_latency(salver: &Salver) -> Result<(Duration, Duration), CliError> {
    let probe = salver.context(SessionId::new("!doctor")?, View::ANY)?;
    let mut latencies = Vec::new();
    for _ in 0..READS {
        let started_at = Instant::now();
        salver.peek(&probe).await?;
        latencies.push(started_at.elapsed());
    }
    latencies.sort();
    let at = |place: usize| latencies.get(place).copied().unwrap_or_default();
    Ok((at(READS / 2), at(READS - 1)))
}

/// Counts some of the contexts.
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

/// Tells whether many contexts are kept in a form that is larger than need be.
fn encoding_hint(sample: &StoreStats) -> Option<String> {
    (sample.skiplist_encoded * 2 > sample.contexts).then(|| {
        format!(
            "{} of {} contexts are kept in a form that is three times as large: `CONFIG SET zset-max-listpack-value 512` \
             (before Redis 7 `zset-max-ziplist-value`)",
            sample.skiplist_encoded, sample.contexts
        )
    })
}
