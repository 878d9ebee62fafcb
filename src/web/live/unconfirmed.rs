//! What a stream has handed out, until the page has confirmed it or the lease has ended.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::Message;
use crate::handle::ClaimGuard;

/// How long a page's word may take that is on its way while its stream ends.
const CONFIRM_GRACE: Duration = Duration::from_millis(500);
/// Most claims that one stream gives back when it ends. Bounds what a page costs that never confirms; of more, the
/// oldest come back when their leases end.
const MAX_CLAIMS: usize = 32;

/// Claims by the time at which their leases have ended for certain.
#[derive(Default)]
pub(crate) struct Unconfirmed(VecDeque<(Instant, ClaimGuard)>);

impl Unconfirmed {
    /// Keeps a claim until then.
    pub(crate) fn keep(&mut self, until: Instant, claim: ClaimGuard) {
        let now = Instant::now();
        while self.0.len() >= MAX_CLAIMS || self.0.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, claim)) = self.0.pop_front() {
                claim.abandon_to_lease();
            }
        }
        self.0.push_back((until, claim));
    }

    /// Tells whether some of these messages were handed out before, and not confirmed.
    pub(crate) fn contains_any(&self, messages: &[Message]) -> bool {
        let unconfirmed = self.0.iter().filter_map(|(_, claim)| claim.result());
        let mut unconfirmed = unconfirmed.flat_map(|result| &result.messages);
        unconfirmed.any(|unconfirmed| {
            messages
                .iter()
                .any(|message| message.id() == unconfirmed.id())
        })
    }

    /// Tells when the next lease ends.
    pub(crate) fn next_lease_end(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut ends = self.0.iter().map(|(until, _)| *until);
        ends.find(|until| *until > now)
    }

    /// Gives back at once what was not confirmed: the process ends.
    pub(crate) fn release_all(&mut self) {
        self.0.clear();
    }
}

impl Drop for Unconfirmed {
    /// Gives back what was not confirmed: what was is not there any more.
    fn drop(&mut self) {
        let now = Instant::now();
        for (until, claim) in self.0.drain(..) {
            match until > now {
                true => claim.release_after(CONFIRM_GRACE),
                false => claim.abandon_to_lease(),
            }
        }
    }
}
