//! The claims whose messages a stream has sent and the page has not confirmed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::Message;
use crate::handle::ClaimGuard;

/// How long a confirmation may take that is in flight when its stream ends.
const CONFIRM_GRACE: Duration = Duration::from_millis(500);
/// Maximum number of claims that one stream keeps, to release them when it ends. Bounds the cost of
/// a page that never confirms. Beyond it the oldest claims are left to their leases.
const MAX_CLAIMS: usize = 32;

/// The claims, each with a time at which its lease has certainly expired.
#[derive(Default)]
pub(crate) struct Unconfirmed(VecDeque<(Instant, ClaimGuard)>);

impl Unconfirmed {
    /// Keeps a claim until its lease expires.
    pub(crate) fn keep(&mut self, until: Instant, claim: ClaimGuard) {
        let now = Instant::now();
        while self.0.len() >= MAX_CLAIMS || self.0.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, claim)) = self.0.pop_front() {
                claim.drop_without_release();
            }
        }
        self.0.push_back((until, claim));
    }

    /// Returns whether any of these messages was sent before, and not confirmed.
    pub(crate) fn contains_any(&self, messages: &[Message]) -> bool {
        let unconfirmed = self.0.iter().filter_map(|(_, claim)| claim.result());
        let mut unconfirmed = unconfirmed.flat_map(|result| &result.messages);
        unconfirmed.any(|unconfirmed| {
            messages
                .iter()
                .any(|message| message.id() == unconfirmed.id())
        })
    }

    /// Returns the time at which the next lease expires.
    pub(crate) fn next_lease_end(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut ends = self.0.iter().map(|(until, _)| *until);
        ends.find(|until| *until > now)
    }

    /// Releases all claims immediately, for the shutdown of the process.
    pub(crate) fn release_all(&mut self) {
        self.0.clear();
    }
}

impl Drop for Unconfirmed {
    /// Releases the claims after a grace period. Confirmed messages are no longer stored, so a
    /// release does not bring them back.
    fn drop(&mut self) {
        let now = Instant::now();
        for (until, claim) in self.0.drain(..) {
            match until > now {
                true => claim.release_after(CONFIRM_GRACE),
                false => claim.drop_without_release(),
            }
        }
    }
}
