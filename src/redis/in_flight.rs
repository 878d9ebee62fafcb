//! Detection of a stalled connection from the requests that wait on it, without a timer for each
//! request.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How many requests must exceed the timeout. A single one may be a slow script.
const STALLED_REQUESTS: u32 = 2;
/// How long an overdue request counts, in multiples of the timeout. Two slow scripts that are far
/// apart are no sign of a broken connection.
const STALL_MEMORY: u32 = 10;

/// The requests in flight on one connection, and the time of its last reply.
#[derive(Default)]
pub(crate) struct InFlight {
    /// Id of the request that was sent last.
    last_id: u64,
    /// Id and start of each request, oldest first.
    requests: VecDeque<(u64, Instant)>,
    /// When the last reply arrived.
    last_reply: Option<Instant>,
    /// Number of requests that ended after the timeout, since the last prompt reply and within
    /// [`STALL_MEMORY`] of each other.
    stalled: u32,
    /// When the last of them ended.
    stalled_at: Option<Instant>,
}

/// When a connection counts as stalled.
#[derive(Clone, Copy)]
pub(crate) struct StallPolicy {
    /// How long a request may wait for its reply.
    pub(crate) timeout: Duration,
    /// Whether several servers reply over this connection, so that one may be unresponsive while
    /// another replies.
    pub(crate) multiple_servers: bool,
}

impl InFlight {
    /// Adds a request and returns its id.
    pub(crate) fn begin(&mut self) -> u64 {
        self.last_id += 1;
        self.requests.push_back((self.last_id, Instant::now()));
        self.last_id
    }

    /// Removes a request that was answered or abandoned, and returns how long it has waited.
    ///
    /// If a reply was lost on the way, a late reply may belong to another request. A late reply
    /// therefore does not reset the number of stalled requests.
    pub(crate) fn finish(&mut self, request: u64, answered: bool, policy: StallPolicy) -> Duration {
        let Ok(index) = self.requests.binary_search_by_key(&request, |(id, _)| *id) else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let waited = self.requests.remove(index);
        let waited = waited.map_or(Duration::ZERO, |(_, since)| now.duration_since(since));
        let late = waited >= policy.timeout;
        if late && !self.has_recent_reply(now, policy) {
            self.stalled = self.recently_stalled(now, policy) + 1;
            self.stalled_at = Some(now);
        }
        if answered {
            self.last_reply = Some(now);
            // With several servers, the reply may come from another one.
            if !late && !policy.multiple_servers {
                self.stalled = 0;
            }
        }
        waited
    }

    /// Returns whether the connection counts as stalled: enough requests have exceeded the timeout,
    /// and no reply has arrived recently.
    pub(crate) fn is_stalled(&self, policy: StallPolicy) -> bool {
        // The common case needs no clock reading.
        if self.stalled == 0 && self.requests.len() < STALLED_REQUESTS as usize {
            return false;
        }
        let now = Instant::now();
        let missing = STALLED_REQUESTS.saturating_sub(self.recently_stalled(now, policy)) as usize;
        let oldest = self.requests.iter().take(missing);
        let late = oldest.filter(|(_, since)| now.duration_since(*since) >= policy.timeout);
        late.count() == missing && !self.has_recent_reply(now, policy)
    }

    fn recently_stalled(&self, now: Instant, policy: StallPolicy) -> u32 {
        let is_recent = |at| now.duration_since(at) < policy.timeout * STALL_MEMORY;
        match self.stalled_at.is_some_and(is_recent) {
            true => self.stalled,
            false => 0,
        }
    }

    /// Returns whether a reply arrived within the last half of the timeout. If a reply was lost on
    /// the way, each request receives the reply to the next one: replies arrive, but none is
    /// recent.
    fn has_recent_reply(&self, now: Instant, policy: StallPolicy) -> bool {
        let is_recent = |replied_at| now.duration_since(replied_at) < policy.timeout / 2;
        !policy.multiple_servers && self.last_reply.is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const TIMEOUT: Duration = Duration::from_millis(80);
    const SINGLE_SERVER: StallPolicy = StallPolicy {
        timeout: TIMEOUT,
        multiple_servers: false,
    };
    const MULTIPLE_SERVERS: StallPolicy = StallPolicy {
        timeout: TIMEOUT,
        multiple_servers: true,
    };

    #[tokio::test(start_paused = true)]
    async fn connection_with_two_overdue_requests_is_stalled() {
        let mut in_flight = InFlight::default();
        in_flight.begin();
        advance(TIMEOUT / 2).await;
        in_flight.begin();
        advance(TIMEOUT / 2).await;
        assert!(
            !in_flight.is_stalled(SINGLE_SERVER),
            "a single overdue request may be a slow script"
        );
        advance(TIMEOUT / 2).await;
        assert!(in_flight.is_stalled(SINGLE_SERVER));
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_requests_count_until_prompt_reply() {
        let mut in_flight = InFlight::default();
        for _ in 0..2 {
            let request = in_flight.begin();
            advance(TIMEOUT).await;
            in_flight.finish(request, false, SINGLE_SERVER);
        }
        assert!(in_flight.is_stalled(SINGLE_SERVER));
        let request = in_flight.begin();
        in_flight.finish(request, true, SINGLE_SERVER);
        advance(TIMEOUT).await;
        assert!(!in_flight.is_stalled(SINGLE_SERVER));
    }

    #[tokio::test(start_paused = true)]
    async fn late_replies_do_not_reset_stall_count() {
        let mut in_flight = InFlight::default();
        let mut previous = in_flight.begin();
        for _ in 0..2 {
            advance(TIMEOUT).await;
            let next = in_flight.begin();
            in_flight.finish(previous, true, SINGLE_SERVER);
            previous = next;
        }
        advance(TIMEOUT).await;
        assert!(in_flight.is_stalled(SINGLE_SERVER));
    }

    #[tokio::test(start_paused = true)]
    async fn recent_reply_prevents_stall() {
        let mut in_flight = InFlight::default();
        let overdue = [in_flight.begin(), in_flight.begin()];
        advance(TIMEOUT).await;
        let prompt_request = in_flight.begin();
        in_flight.finish(prompt_request, true, SINGLE_SERVER);
        assert!(!in_flight.is_stalled(SINGLE_SERVER));
        advance(TIMEOUT / 2).await;
        assert!(
            in_flight.is_stalled(SINGLE_SERVER),
            "the reply is no longer recent"
        );
        for request in overdue {
            in_flight.finish(request, true, SINGLE_SERVER);
        }
        assert!(!in_flight.is_stalled(SINGLE_SERVER));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_requests_far_apart_are_no_stall() {
        for policy in [SINGLE_SERVER, MULTIPLE_SERVERS] {
            let mut in_flight = InFlight::default();
            for _ in 0..3 {
                let slow = in_flight.begin();
                advance(TIMEOUT).await;
                in_flight.finish(slow, true, policy);
                advance(TIMEOUT * STALL_MEMORY).await;
                in_flight.begin();
                assert!(!in_flight.is_stalled(policy));
                in_flight.finish(in_flight.last_id, true, policy);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reply_of_other_server_does_not_prevent_stall() {
        let mut in_flight = InFlight::default();
        in_flight.begin();
        in_flight.begin();
        advance(TIMEOUT).await;
        let prompt_request = in_flight.begin();
        in_flight.finish(prompt_request, true, MULTIPLE_SERVERS);
        assert!(in_flight.is_stalled(MULTIPLE_SERVERS));
    }
}
