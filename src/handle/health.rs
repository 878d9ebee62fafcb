//! What is wrong, as far as this process can tell.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::salver::Salver;
use crate::store::{Finding, Trouble};

/// How long a look at the store may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What [`Salver::health`] found: nothing, when all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    findings: Vec<Finding>,
    index: PendingIndex,
}

/// Whether pages know without asking that nothing is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PendingIndex {
    /// Every page asks: with a store in memory, a Cluster or a pool, for a handle that is not from a request, and where
    /// [`pending_index(false)`](super::SalverBuilder::pending_index) says so.
    Off,
    /// Pages ask until all that is pending is known.
    Learning,
    /// A page asks when something may be pending.
    On,
}

impl Health {
    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// Tells whether pages of this handle know without asking that nothing is pending.
    #[must_use]
    pub fn pending_index(&self) -> PendingIndex {
        self.index
    }

    /// Gives what is wrong, each with its named state and what to do about it.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_good() {
            return f.write_str("all is well");
        }
        for (n, finding) in self.findings.iter().enumerate() {
            let newline = if n > 0 { "\n" } else { "" };
            write!(f, "{newline}{finding}")?;
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
        let findings =
            match with_deadline(CHECK_TIMEOUT, self.store.check(self.name()), read_timed_out).await
            {
                Ok(found) => {
                    // Whoever finds it well here need not wait until a page does.
                    self.shared.calls.breaker().record_success();
                    found
                }
                Err(error) => self.issues_of(&error),
            };
        let index = match self.changes.as_ref().and_then(|bell| bell.is_synced()) {
            None => PendingIndex::Off,
            Some(true) => PendingIndex::On,
            Some(false) => PendingIndex::Learning,
        };
        Health { findings, index }
    }
}

impl Salver {
    fn issues_of(&self, error: &Error) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.shared.calls.breaker().is_open() {
            let detail = "the last calls to the store failed";
            findings.push(Finding::new(Trouble::Resting, detail));
        }
        findings.push(Finding::new(issue_kind(error), error.to_string()));
        findings
    }
}

fn issue_kind(error: &Error) -> Trouble {
    if error.is_denied() {
        Trouble::Denied
    } else if error.is_full() {
        Trouble::Full
    } else if error.is_read_only() {
        Trouble::ReadOnly
    } else {
        Trouble::Unreachable
    }
}
