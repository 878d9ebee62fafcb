//! Health of the store and of the connection to it, as seen by this process.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::call_policy::CallPolicy;
use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::salver::Salver;
use crate::store::{Issue, IssueKind, Store};

/// Longest duration of a health check. Longer than that of a call, since no page waits for it.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of [`Salver::health`]: the issues found, and the state of the pending index.
///
/// `Display` writes `healthy`, or one issue a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    issues: Vec<Issue>,
    index: PendingIndex,
}

/// The state of the pending index, the record of contexts that may have messages.
///
/// With it, a page whose context has nothing pending sends no query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PendingIndex {
    /// Every page queries the store.
    ///
    /// This is the state with a [`MemoryStore`](crate::store::MemoryStore), a Redis Cluster or a
    /// connection pool, and with [`pending_index(false)`](super::SalverBuilder::pending_index). A
    /// handle that does not come from a request always reports this state.
    Disabled,
    /// Every page queries the store until the index contains all pending messages.
    Syncing,
    /// A page queries the store only if its context may have messages.
    Ready,
}

impl Health {
    /// Returns whether there are no issues.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.issues.is_empty()
    }

    /// Returns the state of the pending index of this handle.
    #[must_use]
    pub fn pending_index(&self) -> PendingIndex {
        self.index
    }

    /// Returns the issues, each with its kind, a detail and advice.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_healthy() {
            return f.write_str("healthy");
        }
        for (n, issue) in self.issues.iter().enumerate() {
            let newline = if n > 0 { "\n" } else { "" };
            write!(f, "{newline}{issue}")?;
        }
        Ok(())
    }
}

impl Salver {
    /// Checks the store, the connection to it, and the permissions of its user.
    ///
    /// It calls the store even while the circuit breaker is open, and waits for at most 2 seconds.
    /// A successful check closes the breaker. Use it for a health endpoint, a start-up log or an
    /// alert, not for every request.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes no messages.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let health = salver::Salver::memory("shop")?.health().await;
    /// assert!(health.is_healthy(), "{health}");
    /// # Ok(()) }
    /// ```
    pub async fn health(&self) -> Health {
        let issues = match check(&*self.store, &self.app).await {
            Ok(issues) => {
                // The store works: pages need not wait for a probe of the breaker.
                self.calls.record_success();
                issues
            }
            Err(error) => self.issues_of(&error),
        };
        #[cfg(feature = "jobs")]
        let issues: Vec<_> = {
            let of_sources = self.issues_of_sources().await;
            issues.into_iter().chain(of_sources).collect()
        };
        #[cfg(feature = "web")]
        let issues = {
            let slow = self.shared.page_latency.issue(self.config());
            issues.into_iter().chain(slow).collect()
        };
        let index = match self
            .changes
            .as_ref()
            .and_then(|changes| changes.is_synced())
        {
            None => PendingIndex::Disabled,
            Some(true) => PendingIndex::Ready,
            Some(false) => PendingIndex::Syncing,
        };
        Health { issues, index }
    }
}

#[cfg(feature = "jobs")]
impl Salver {
    /// Returns whether the store may remove what is not done yet.
    ///
    /// # Errors
    ///
    /// Those of the check.
    pub(crate) async fn evicts(&self) -> Result<bool, Error> {
        let issues = check(&*self.store, &self.app).await?;
        let mut kinds = issues.iter().map(Issue::kind);
        Ok(kinds.any(|kind| kind == IssueKind::EvictionEnabled))
    }
}

impl Salver {
    /// Returns the issues that follow from a failed health check.
    fn issues_of(&self, error: &Error) -> Vec<Issue> {
        let mut issues = Vec::new();
        if self.calls.is_open() {
            let detail = "the last calls to the store failed";
            issues.push(Issue::new(IssueKind::CircuitOpen, detail));
        }
        issues.push(Issue::new(issue_kind(error), error.to_string()));
        issues
    }
}

/// Checks the health of a store, even while the breaker is open.
pub(super) async fn check(store: &dyn Store, app: &str) -> Result<Vec<Issue>, Error> {
    let check = with_deadline(CHECK_TIMEOUT, store.health_check(app), read_timed_out);
    CallPolicy::probe("health", app, check).await
}

fn issue_kind(error: &Error) -> IssueKind {
    if error.is_denied() {
        IssueKind::PermissionDenied
    } else if error.is_misconfigured() {
        IssueKind::Misconfigured
    } else if error.is_full() {
        IssueKind::OutOfMemory
    } else if error.is_read_only() {
        IssueKind::ReadOnly
    } else {
        IssueKind::Unreachable
    }
}
