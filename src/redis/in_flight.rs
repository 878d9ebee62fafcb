//! Whether the peer of a connection has vanished: told by the requests that wait, without a timer for each.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How many requests have to have waited too long. One may be a slow script.
const STALLED_REQUESTS: u32 = 2;

/// The requests that are on their way over one connection, and what was heard.
#[derive(Default)]
pub(crate) struct InFlight {
    /// The number of the last one sent.
    last_id: u64,
    /// Oldest first.
    requests: VecDeque<(u64, Instant)>,
    /// When a reply came last.
    last_reply: Option<Instant>,
    /// How many have ended that had waited too long, since the last prompt reply.
    stalled: u32,
}

/// What is too long, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct StallPolicy {
    pub(crate) timeout: Duration,
    /// Whether several servers answer over this connection, so that one may be silent while another is heard.
    pub(crate) multiple_servers: bool,
}

impl InFlight {
    /// Notes a request on its way; gives its number.
    pub(crate) fn begin(&mut self) -> u64 {
        self.last_id += 1;
        self.requests.push_back((self.last_id, Instant::now()));
        self.last_id
    }

    /// Notes that nobody waits for a request any more: it was answered, or given up. Tells how long it has waited.
    ///
    /// A reply that came late may be that of the request before, where one was lost on the way: it takes nothing
    /// off the suspicion.
    pub(crate) fn finish(&mut self, request: u64, answered: bool, policy: StallPolicy) -> Duration {
        let Ok(place) = self
            .requests
            .binary_search_by_key(&request, |(sent, _)| *sent)
        else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let waited = self.requests.remove(place);
        let waited = waited.map_or(Duration::ZERO, |(_, since)| now.duration_since(since));
        let late = waited >= policy.timeout;
        if late && !self.has_recent_reply(now, policy) {
            self.stalled += 1;
        }
        if answered {
            self.last_reply = Some(now);
            // Of several servers another one may have answered.
            if !late && !policy.multiple_servers {
                self.stalled = 0;
            }
        }
        waited
    }

    /// Tells whether the peer is thought to have vanished: some requests have waited too long with nothing heard in
    /// between.
    pub(crate) fn is_stalled(&self, policy: StallPolicy) -> bool {
        let missing = STALLED_REQUESTS.saturating_sub(self.stalled) as usize;
        // The usual case, and the cheapest: nobody asks what time it is.
        if self.requests.len() < missing {
            return false;
        }
        let now = Instant::now();
        let oldest = self.requests.iter().take(missing);
        let late = oldest.filter(|(_, since)| now.duration_since(*since) >= policy.timeout);
        late.count() == missing && !self.has_recent_reply(now, policy)
    }

    /// Tells whether the peer was heard lately. Where a reply was lost on the way each request is answered by the
    /// next one's reply: heard, but not lately.
    fn has_recent_reply(&self, now: Instant, policy: StallPolicy) -> bool {
        let recently = |heard| now.duration_since(heard) < policy.timeout / 2;
        !policy.multiple_servers && self.last_reply.is_some_and(recently)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SILENCE: Duration = Duration::from_millis(80);
    const ONE: StallPolicy = StallPolicy {
        timeout: SILENCE,
        multiple_servers: false,
    };
    const MANY: StallPolicy = StallPolicy {
        timeout: SILENCE,
        multiple_servers: true,
    };

    #[tokio::test(start_paused = true)]
    async fn two_that_wait_too_long_do_so_in_vain() {
        let mut in_flight = InFlight::default();
        in_flight.begin();
        advance(SILENCE / 2).await;
        in_flight.begin();
        advance(SILENCE / 2).await;
        assert!(!in_flight.is_stalled(ONE), "one may be a slow script");
        advance(SILENCE / 2).await;
        assert!(in_flight.is_stalled(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_gave_up_count_until_a_prompt_reply() {
        let mut in_flight = InFlight::default();
        for _ in 0..2 {
            let request = in_flight.begin();
            advance(SILENCE).await;
            in_flight.finish(request, false, ONE);
        }
        assert!(in_flight.is_stalled(ONE));
        let request = in_flight.begin();
        in_flight.finish(request, true, ONE);
        advance(SILENCE).await;
        assert!(!in_flight.is_stalled(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_all_come_late_are_another_requests() {
        let mut in_flight = InFlight::default();
        let mut shifted = in_flight.begin();
        for _ in 0..2 {
            advance(SILENCE).await;
            let next = in_flight.begin();
            in_flight.finish(shifted, true, ONE);
            shifted = next;
        }
        advance(SILENCE).await;
        assert!(in_flight.is_stalled(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_heard_is_there() {
        let mut in_flight = InFlight::default();
        let slow = [in_flight.begin(), in_flight.begin()];
        advance(SILENCE).await;
        let prompt_request = in_flight.begin();
        in_flight.finish(prompt_request, true, ONE);
        assert!(!in_flight.is_stalled(ONE));
        advance(SILENCE / 2).await;
        assert!(in_flight.is_stalled(ONE), "but not lately");
        for request in slow {
            in_flight.finish(request, true, ONE);
        }
        assert!(!in_flight.is_stalled(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_servers_one_may_be_silent() {
        let mut in_flight = InFlight::default();
        in_flight.begin();
        in_flight.begin();
        advance(SILENCE).await;
        let prompt_request = in_flight.begin();
        in_flight.finish(prompt_request, true, MANY);
        assert!(in_flight.is_stalled(MANY));
    }
}
