//! What is wrong with a server, as it tells itself.

use std::time::Duration;

use redis::cmd;
use time::OffsetDateTime;

use super::scripts::{self, read};
use crate::Error;
use crate::link::Line;
use crate::store::{Finding, Trouble};

/// The oldest server that is promised.
const OLDEST: (u32, u32) = (6, 2);
/// How far the clocks may be apart: beyond it, ids and deadlines made here mean something else there.
const SKEW: Duration = Duration::from_secs(5);

/// From which share of its memory, in percent, a server counts as full: beyond it adds begin to be refused.
const NEARLY_FULL: u64 = 95;

pub(super) async fn check(line: &Line, app: &str) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let info: String = read(line.command(cmd("INFO")).await?)?;
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    findings.extend(field("redis_version").and_then(outdated));
    let most = field("maxmemory").filter(|most| *most != "0");
    findings.extend(evicting(most, field("maxmemory_policy")));
    findings.extend(full(field("used_memory"), most));
    if field("role") == Some("slave") {
        let detail = "the server is a replica";
        findings.push(Finding::new(Trouble::ReadOnly, detail));
    }
    let before = OffsetDateTime::now_utc();
    let (seconds, micros): (i64, i64) = read(line.command(cmd("TIME")).await?)?;
    findings.extend(skewed(before, OffsetDateTime::now_utc(), seconds, micros));
    let lacking = scripts::check(line, app).await?;
    if !lacking.is_empty() {
        let detail = format!("the user may not run {}", lacking.join(", "));
        findings.push(Finding::new(Trouble::Denied, detail));
    }
    Ok(findings)
}

fn outdated(version: &str) -> Option<Finding> {
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let found = (parts.next()?, parts.next()?);
    (found < OLDEST).then(|| Finding::new(Trouble::Outdated, format!("this is Redis {version}")))
}

fn evicting(most: Option<&str>, policy: Option<&str>) -> Option<Finding> {
    let policy = policy.filter(|policy| *policy != "noeviction")?;
    // Without a limit nothing is evicted, whatever the policy.
    most?;
    let detail = format!("maxmemory-policy is {policy}");
    Some(Finding::new(Trouble::Evicting, detail))
}

fn full(used: Option<&str>, most: Option<&str>) -> Option<Finding> {
    let (used, most): (u64, u64) = (used?.parse().ok()?, most?.parse().ok()?);
    let percent = used.saturating_mul(100) / most.max(1);
    (percent >= NEARLY_FULL)
        .then(|| Finding::new(Trouble::Full, format!("{percent} % of its memory are used")))
}

/// Judges by the nearer end of the round trip: what the network took is no skew.
fn skewed(
    before: OffsetDateTime,
    after: OffsetDateTime,
    seconds: i64,
    micros: i64,
) -> Option<Finding> {
    let theirs = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let theirs = theirs + Duration::from_micros(u64::try_from(micros).ok()?);
    let apart = (theirs - after).max(before - theirs);
    let detail = || format!("the clocks are {} s apart", apart.whole_seconds());
    (apart > SKEW).then(|| Finding::new(Trouble::ClockSkew, detail()))
}
