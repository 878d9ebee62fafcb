//! What is wrong with a server, as it tells itself.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use ::redis::{Cmd, RedisError, Value};
use time::OffsetDateTime;

use crate::Error;
use crate::redis::Connection;
use crate::store::redis::scripts;
use crate::store::redis::scripts::parse;
use crate::store::{Issue, IssueKind};

/// The oldest server that is promised.
const MIN_VERSION: (u32, u32) = (6, 2);
/// How far the clocks may be apart: beyond it, ids and deadlines made here mean something else there.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// From which share of its memory, in percent, a server counts as full: beyond it adds begin to be refused.
const NEARLY_FULL_PERCENT: u64 = 95;

pub(crate) async fn check(connection: &Connection, app: &str) -> Result<Vec<Issue>, Error> {
    let query = HealthCheck {
        connection,
        missing_permissions: BTreeSet::new(),
    };
    let found = query.run(app).await;
    found.or_else(|error| match error.is_denied() {
        true => Ok(vec![Issue::new(
            IssueKind::PermissionDenied,
            "authentication failed",
        )]),
        false => Err(error),
    })
}

/// A look at a server, or at all of a Cluster.
struct HealthCheck<'a> {
    connection: &'a Connection,
    /// Commands that the user may not run.
    missing_permissions: BTreeSet<String>,
}

impl HealthCheck<'_> {
    async fn run(mut self, app: &str) -> Result<Vec<Issue>, Error> {
        let mut issues = Vec::new();
        for node in 0.. {
            let before = OffsetDateTime::now_utc();
            let Some(time) = self.try_command(node, &["TIME"]).await? else {
                break;
            };
            let after = OffsetDateTime::now_utc();
            let mut found = Vec::new();
            if let Some((seconds, micros)) = time {
                found.extend(clock_skew(before, after, seconds, micros));
            }
            if let Some(Some(info)) = self.try_command::<String>(node, &["INFO"]).await? {
                found.extend(issues_in_info(&info));
            }
            // Servers of a Cluster may all say the same.
            found.retain(|issue| !issues.contains(issue));
            issues.extend(found);
        }
        // What a sweep and adds that wait for replicas need beside the scripts.
        for command in [&["DBSIZE"][..], &["SCAN", "0"], &["WAIT", "0", "0"]] {
            self.try_command::<Value>(0, command).await?;
        }
        self.try_command::<Value>(0, &["EVAL", "return 1", "0"])
            .await?;
        match scripts::check_permissions(self.connection, app).await {
            Ok(missing) => self.missing_permissions.extend(missing),
            Err(error) if lacks_permission(&error, "key") => {
                let detail =
                    format!("the user has no permission for the keys of the application {app}");
                issues.push(Issue::new(IssueKind::PermissionDenied, detail));
            }
            Err(error) if lacks_permission(&error, "evalsha") => {
                self.missing_permissions.insert("evalsha".to_owned());
            }
            // The script is unknown there, and has been tried whole.
            Err(error) if lacks_permission(&error, "eval") => {}
            Err(error) => return Err(error),
        }
        if !self.missing_permissions.is_empty() {
            let missing: Vec<_> = self.missing_permissions.into_iter().collect();
            let detail = format!("the user has no permission to run {}", missing.join(", "));
            issues.push(Issue::new(IssueKind::PermissionDenied, detail));
        }
        Ok(issues)
    }

    /// Runs a command on the server of that number. The outer nothing: there are fewer servers; the inner: it
    /// could not be run, which is noted where the user may not.
    async fn try_command<T: ::redis::FromRedisValue>(
        &mut self,
        node: usize,
        words: &[&str],
    ) -> Result<Option<Option<T>>, Error> {
        let mut command = Cmd::new();
        command.arg(words);
        match self.connection.execute_on_node(node, command).await {
            Ok(Some(reply)) => Ok(Some(Some(parse(reply)?))),
            Ok(None) => Ok(None),
            Err(error) if lacks_permission(&error, "") => {
                self.missing_permissions
                    .extend(words.first().map(|word| word.to_lowercase()));
                Ok(Some(None))
            }
            // A replica waits for nobody, and a command may go by another name: no right is lacking.
            Err(error) if error.is_unreadable() => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }
}

/// Tells whether a server refused for want of a right whose name has this word in it.
fn lacks_permission(error: &Error, what: &str) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &RedisError| {
        cause.code() == Some("NOPERM") && cause.detail().unwrap_or_default().contains(what)
    })
}

/// What a server tells of itself.
fn issues_in_info(info: &str) -> Vec<Issue> {
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|connection| connection.strip_prefix(name)?.strip_prefix(':'))
    };
    let mut issues = Vec::new();
    issues.extend(field("redis_version").and_then(unsupported_version));
    let most = field("maxmemory").filter(|most| *most != "0");
    issues.extend(eviction_enabled(most, field("maxmemory_policy")));
    issues.extend(out_of_memory(field("used_memory"), most));
    if field("role") == Some("slave") {
        let detail = "the server is a replica";
        issues.push(Issue::new(IssueKind::ReadOnly, detail));
    }
    issues
}

fn unsupported_version(version: &str) -> Option<Issue> {
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let found = (parts.next()?, parts.next()?);
    (found < MIN_VERSION).then(|| {
        Issue::new(
            IssueKind::UnsupportedVersion,
            format!("the server is Redis {version}"),
        )
    })
}

fn eviction_enabled(most: Option<&str>, policy: Option<&str>) -> Option<Issue> {
    let policy = policy.filter(|policy| *policy != "noeviction")?;
    // Without a limit nothing is evicted, whatever the policy.
    most?;
    let detail = format!("maxmemory-policy is {policy}");
    Some(Issue::new(IssueKind::EvictionEnabled, detail))
}

fn out_of_memory(used: Option<&str>, most: Option<&str>) -> Option<Issue> {
    let (used, most): (u64, u64) = (used?.parse().ok()?, most?.parse().ok()?);
    let percent = used.saturating_mul(100) / most.max(1);
    (percent >= NEARLY_FULL_PERCENT).then(|| {
        Issue::new(
            IssueKind::OutOfMemory,
            format!("{percent} % of maxmemory is used"),
        )
    })
}

/// Judges by the nearer end of the round trip: what the network took is no skew.
fn clock_skew(
    before: OffsetDateTime,
    after: OffsetDateTime,
    seconds: i64,
    micros: i64,
) -> Option<Issue> {
    let theirs = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let theirs = theirs + Duration::from_micros(u64::try_from(micros).ok()?);
    let apart = (theirs - after).max(before - theirs);
    let detail = || format!("the clocks differ by {} s", apart.whole_seconds());
    (apart > MAX_CLOCK_SKEW).then(|| Issue::new(IssueKind::ClockSkew, detail()))
}
