//! What is wrong, as far as this process can tell.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::salver::Salver;
use crate::store::{Issue, IssueKind};

/// How long a look at the store may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What [`Salver::health`] found: nothing, when healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    issues: Vec<Issue>,
    index: PendingIndex,
}

/// Whether pages know without asking that nothing is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PendingIndex {
    /// Every page asks: with a store in memory, a Cluster or a pool, for a handle that is not from a request, and where
    /// [`pending_index(false)`](super::SalverBuilder::pending_index) says so.
    Disabled,
    /// Pages ask until all that is pending is known.
    Syncing,
    /// A page asks when something may be pending.
    Ready,
}

impl Health {
    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.issues.is_empty()
    }

    /// Tells whether pages of this handle know without asking that nothing is pending.
    #[must_use]
    pub fn pending_index(&self) -> PendingIndex {
        self.index
    }

    /// Gives what is wrong, each with its named state and what to do about it.
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
    /// Looks for what is wrong: with the store, with this process's way to it, with the user's rights.
    ///
    /// Asks the store even where pages do not for a moment, and waits for at most 2 s. For a health page, a
    /// start-up log, an alert; not for every request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let health = salver::Salver::memory("shop")?.health().await;
    /// assert!(health.is_good(), "{health}");
    /// # Ok(()) }
    /// ```
    pub async fn health(&self) -> Health {
        let issues = match with_deadline(
            CHECK_TIMEOUT,
            self.store.health_check(self.app()),
            read_timed_out,
        )
        .await
        {
            Ok(result) => {
                // Whoever finds it well here need not wait until a page does.
                self.shared.calls.breaker().record_success();
                result
            }
            Err(error) => self.issues_of(&error),
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

impl Salver {
    fn issues_of(&self, error: &Error) -> Vec<Issue> {
        let mut issues = Vec::new();
        if self.shared.calls.breaker().is_open() {
            let detail = "the last calls to the store failed";
            issues.push(Issue::new(IssueKind::CircuitOpen, detail));
        }
        issues.push(Issue::new(issue_kind(error), error.to_string()));
        issues
    }
}

fn issue_kind(error: &Error) -> IssueKind {
    if error.is_denied() {
        IssueKind::PermissionDenied
    } else if error.is_full() {
        IssueKind::OutOfMemory
    } else if error.is_read_only() {
        IssueKind::ReadOnly
    } else {
        IssueKind::Unreachable
    }
}
