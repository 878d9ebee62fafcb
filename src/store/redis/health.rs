//! Health checks of a Redis server, from its own replies.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use ::redis::{Cmd, RedisError, Value};
use time::OffsetDateTime;

use crate::Error;
use crate::redis::{Client, parse};
use crate::store::redis::scripts;
use crate::store::{Issue, IssueKind};

/// The oldest supported version.
const MIN_VERSION: (u32, u32) = (6, 2);
/// Maximum difference of the clocks. Beyond it, ids and deadlines of this process have another
/// meaning on the server.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);
/// Percentage of used memory from which a server counts as full. Beyond it, the server may soon
/// reject adds.
const NEARLY_FULL_PERCENT: u64 = 95;

pub(crate) async fn check(client: &Client, app: &str) -> Result<Vec<Issue>, Error> {
    let check = HealthCheck {
        client,
        missing_permissions: BTreeSet::new(),
    };
    let issues = check.run(app).await;
    issues.or_else(|error| match error.is_denied() {
        true => Ok(vec![Issue::new(
            IssueKind::PermissionDenied,
            denied_detail(&error),
        )]),
        false => Err(error),
    })
}

fn denied_detail(error: &Error) -> String {
    match error.server_reply() {
        Some(reply) if reply.starts_with("WRONGPASS") || reply.starts_with("NOAUTH") => {
            format!("authentication failed; the server replied \"{reply}\"")
        }
        Some(reply) => format!("access denied; the server replied \"{reply}\""),
        None => "authentication failed".to_owned(),
    }
}

/// A health check of a server, or of all nodes of a Cluster.
struct HealthCheck<'a> {
    client: &'a Client,
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
            let mut node_issues = Vec::new();
            if let Some((seconds, micros)) = time {
                node_issues.extend(clock_skew(before, after, seconds, micros));
            }
            if let Some(Some(info)) = self.try_command::<String>(node, &["INFO"]).await? {
                node_issues.extend(issues_in_info(&info));
            }
            // Nodes of a Cluster may all have the same issue.
            node_issues.retain(|issue| !issues.contains(issue));
            issues.extend(node_issues);
        }
        // Commands outside of the scripts, for sweeps and for adds that wait for replicas.
        for command in [&["DBSIZE"][..], &["SCAN", "0"], &["WAIT", "0", "0"]] {
            self.try_command::<Value>(0, command).await?;
        }
        self.try_command::<Value>(0, &["EVAL", "return 1", "0"])
            .await?;
        match scripts::check_permissions(self.client, app).await {
            Ok(missing) => self.missing_permissions.extend(missing),
            Err(error) if lacks_permission(&error, "key") => {
                let detail =
                    format!("the user has no permission for the keys of the application {app}");
                issues.push(Issue::new(IssueKind::PermissionDenied, detail));
            }
            Err(error) if lacks_permission(&error, "evalsha") => {
                self.missing_permissions.insert("evalsha".to_owned());
            }
            // The server did not have the script, and EVAL is not permitted: recorded above.
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

    /// Runs a command on the node with this number. Returns `None` if there are fewer nodes, and
    /// `Some(None)` if the command could not run. Records the command if the user lacks the
    /// permission.
    async fn try_command<T: ::redis::FromRedisValue>(
        &mut self,
        node: usize,
        arguments: &[&str],
    ) -> Result<Option<Option<T>>, Error> {
        let mut command = Cmd::new();
        command.arg(arguments);
        match self.client.execute_on_node(node, command).await {
            Ok(Some(reply)) => Ok(Some(Some(parse(reply)?))),
            Ok(None) => Ok(None),
            Err(error) if lacks_permission(&error, "") => {
                self.missing_permissions
                    .extend(arguments.first().map(|name| name.to_lowercase()));
                Ok(Some(None))
            }
            // A replica rejects WAIT, and a command can be renamed: neither is a missing
            // permission.
            Err(error) if error.is_unreadable() || is_unknown(&error, arguments) => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether the server does not know this command. Other errors of the setup concern the
/// connection, and so all commands.
fn is_unknown(error: &Error, arguments: &[&str]) -> bool {
    let reply = error.server_reply().filter(|_| error.is_misconfigured());
    let names_command = |reply: &str| arguments.first().is_some_and(|name| reply.contains(name));
    reply.is_some_and(names_command)
}

/// Returns whether the server rejected a command for a missing permission, with `what` in its
/// reply.
fn lacks_permission(error: &Error, what: &str) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &RedisError| {
        cause.code() == Some("NOPERM") && cause.detail().unwrap_or_default().contains(what)
    })
}

/// Returns the issues in the output of `INFO`.
fn issues_in_info(info: &str) -> Vec<Issue> {
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let mut issues = Vec::new();
    issues.extend(field("redis_version").and_then(unsupported_version));
    let max_memory = field("maxmemory").filter(|max_memory| *max_memory != "0");
    issues.extend(eviction_enabled(max_memory, field("maxmemory_policy")));
    issues.extend(out_of_memory(field("used_memory"), max_memory));
    if field("role") == Some("slave") {
        let detail = "the server is a replica";
        issues.push(Issue::new(IssueKind::ReadOnly, detail));
    }
    issues
}

fn unsupported_version(version: &str) -> Option<Issue> {
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let number = (parts.next()?, parts.next()?);
    (number < MIN_VERSION).then(|| {
        Issue::new(
            IssueKind::UnsupportedVersion,
            format!("the server is Redis {version}"),
        )
    })
}

fn eviction_enabled(max_memory: Option<&str>, policy: Option<&str>) -> Option<Issue> {
    let policy = policy.filter(|policy| *policy != "noeviction")?;
    // Without a memory limit the server evicts nothing under any policy.
    max_memory?;
    let detail = format!("maxmemory-policy is {policy}");
    Some(Issue::new(IssueKind::EvictionEnabled, detail))
}

fn out_of_memory(used: Option<&str>, max_memory: Option<&str>) -> Option<Issue> {
    let (used, max_memory): (u64, u64) = (used?.parse().ok()?, max_memory?.parse().ok()?);
    let percent = used.saturating_mul(100) / max_memory.max(1);
    (percent >= NEARLY_FULL_PERCENT).then(|| {
        Issue::new(
            IssueKind::OutOfMemory,
            format!("{percent} % of maxmemory is used"),
        )
    })
}

/// Measures against the nearer end of the round trip, so that network latency does not count as
/// skew.
fn clock_skew(
    before: OffsetDateTime,
    after: OffsetDateTime,
    seconds: i64,
    micros: i64,
) -> Option<Issue> {
    let server_time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let server_time = server_time + Duration::from_micros(u64::try_from(micros).ok()?);
    let difference = (server_time - after).max(before - server_time);
    let detail = || format!("the clocks differ by {} s", difference.whole_seconds());
    (difference > MAX_CLOCK_SKEW).then(|| Issue::new(IssueKind::ClockSkew, detail()))
}
