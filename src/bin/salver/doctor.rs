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
    let mut findings = health.issues().to_vec();
    let reached = !findings
        .iter()
        .any(|finding| finding.kind() == Named::Unreachable);
    let (mut latency, mut hints) = (None, Vec::new());
    if reached && let Ok(measured) = measure_latency(&salver).await {
        latency = Some(measured);
        hints.extend(encoding_hint(&sample(&store, app).await));
    }
    if !reached && server.speaks_other_protocol().await {
        let detail = OTHER_PROTOCOL;
        findings = vec![Issue::new(Named::Unreachable, detail)];
    }
    let value = json!({
        "good": findings.is_empty(),
        "findings": findings.iter().map(to_json).collect::<Vec<_>>(),
        "hints": hints,
        "latency_us": latency.map(|(p50, p99)| json!({ "p50": p50.as_micros(), "p99": p99.as_micros() })),
    });
    let name = server.name();
    output.print(|| report(&name, &findings, &hints, latency), value)?;
    Ok(findings.is_empty())
}

fn to_json(finding: &Issue) -> serde_json::Value {
    let trouble = finding.kind();
    json!({ "trouble": trouble.name(), "detail": finding.detail(), "advice": trouble.advice() })
}

fn report(
    name: &str,
    findings: &[Issue],
    hints: &[String],
    latency: Option<(Duration, Duration)>,
) -> String {
    let mut lines = vec![format!("      {name}")];
    if findings.is_empty() {
        lines.push("ok    server, version, rights, memory, clock".to_owned());
    }
    lines.extend(findings.iter().map(|finding| format!("wrong {finding}")));
    lines.extend(latency.map(|(p50, p99)| {
        let (p50, p99) = (p50.as_micros(), p99.as_micros());
        format!("ok    a look takes {p50} us, one in a hundred {p99} us or more")
    }));
    lines.extend(hints.iter().map(|hint| format!("hint  {hint}")));
    lines.join("\n")
}

/// Measures how long a look takes: the median, and what one in a hundred takes at least.
async fn measure_latency(salver: &Salver) -> Result<(Duration, Duration), CliError> {
    let nobodys = salver.context(SessionId::new("!doctor")?, View::ANY)?;
    let mut took = Vec::new();
    for _ in 0..READS {
        let began = Instant::now();
        salver.peek(&nobodys).await?;
        took.push(began.elapsed());
    }
    took.sort();
    let at = |place: usize| took.get(place).copied().unwrap_or_default();
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
