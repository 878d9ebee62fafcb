//! The possible issues of a store, as named states.

use std::fmt;

/// A state in which messages do not arrive, or can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueKind {
    /// The store does not reply.
    Unreachable,
    /// The circuit breaker of this process is open: after failures, it lets few calls through.
    CircuitOpen,
    /// The server does not know a command that the store needs, or does not have the database.
    Misconfigured,
    /// Authentication failed, or the user lacks a permission.
    PermissionDenied,
    /// The version of the server is too old.
    UnsupportedVersion,
    /// The server evicts unread messages when memory runs short.
    EvictionEnabled,
    /// The server has no memory left, or almost none.
    OutOfMemory,
    /// The server accepts reads but no writes.
    ReadOnly,
    /// The clocks of the server and of this process differ by more than five seconds.
    ClockSkew,
    /// This process receives no change notifications, so every page queries the store.
    TrackingUnavailable,
    /// The store has more contexts than this process can track, so every page queries it.
    IndexFull,
    /// The store replies later than pages wait, so that most pages are served without messages.
    SlowStore,
    /// Jobs, such as mails, wait, and no worker runs.
    NoWorker,
    /// Jobs are due for long, although workers run.
    JobsOverdue,
    /// Jobs have failed for good.
    DeadJobs,
    /// Workers cannot send mails at present.
    MailResting,
    /// The jobs were divided for another kind of server, one server or a Cluster.
    PartitionMismatch,
}

impl IssueKind {
    /// Returns the name for metrics and alerts: `unreachable`, `circuit_open`, `permission_denied`,
    /// `unsupported_version`, `eviction_enabled`, `out_of_memory`, `read_only`, `clock_skew`,
    /// `tracking_unavailable`, `index_full`, `slow_store`, `no_worker`, `jobs_overdue`, `dead_jobs`,
    /// `mail_resting`, `partition_mismatch`, `misconfigured`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::CircuitOpen => "circuit_open",
            Self::Misconfigured => "misconfigured",
            Self::PermissionDenied => "permission_denied",
            Self::UnsupportedVersion => "unsupported_version",
            Self::EvictionEnabled => "eviction_enabled",
            Self::OutOfMemory => "out_of_memory",
            Self::ReadOnly => "read_only",
            Self::ClockSkew => "clock_skew",
            Self::TrackingUnavailable => "tracking_unavailable",
            Self::IndexFull => "index_full",
            Self::SlowStore => "slow_store",
            Self::NoWorker => "no_worker",
            Self::JobsOverdue => "jobs_overdue",
            Self::DeadJobs => "dead_jobs",
            Self::MailResting => "mail_resting",
            Self::PartitionMismatch => "partition_mismatch",
        }
    }

    /// Returns what an operator can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => "check that the server is running and that its address is correct",
            Self::CircuitOpen => "none needed: the store is retried within 200 ms",
            Self::Misconfigured => "no retry helps: change the setting that the detail names",
            Self::PermissionDenied => {
                "check the user, the password, and the permissions on the deployment page"
            }
            Self::UnsupportedVersion => "use Redis 6.2 or newer",
            Self::EvictionEnabled => "set `maxmemory-policy noeviction`",
            Self::OutOfMemory => "raise `maxmemory`, or remove old messages with `Salver::sweep`",
            Self::ReadOnly => {
                "connect to the primary, through Sentinel if it changes; check why the server rejects writes"
            }
            Self::ClockSkew => "synchronize both clocks with NTP",
            Self::TrackingUnavailable => {
                "check the permissions on the deployment page, or set `pending_index(false)`: until then pages and streams query Redis"
            }
            Self::IndexFull => {
                "shorten `ttl`, or set `pending_index(false)`: until then every page queries Redis"
            }
            Self::SlowStore => "raise `page_timeout`, or move the store closer to this process",
            Self::NoWorker => "start a worker: `Salver::worker`, or `salver worker`",
            Self::JobsOverdue => "start more workers, or raise their concurrency",
            Self::DeadJobs => {
                "look at them with `salver jobs list dead`, then retry or cancel them"
            }
            Self::PartitionMismatch => {
                "connect as before; or finish all jobs there, and delete the key `app!partitions`"
            }
            Self::MailResting => {
                "check the mail server; the mails wait, and are sent when it works"
            }
        }
    }
}

/// One issue of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    kind: IssueKind,
    detail: String,
}

impl Issue {
    /// Creates an issue, for store authors. `detail` describes the observation. It must not contain
    /// secrets or the content of messages.
    #[must_use]
    pub fn new(kind: IssueKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// Returns the named state.
    #[must_use]
    pub fn kind(&self) -> IssueKind {
        self.kind
    }

    /// Returns the description of the observation.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (detail, advice) = (&self.detail, self.kind.advice());
        write!(f, "{}: {detail}; {advice}", self.kind.name())
    }
}
