//! Whether the peer of a connection has vanished: told by the requests that wait, without a timer for each.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How many requests have to have waited too long. One may be a slow script.
const SILENT: u32 = 2;

/// The requests that are on their way over one connection, and what was heard.
#[derive(Default)]
pub(crate) struct Waiting {
    /// The number of the last one sent.
    last: u64,
    /// Oldest first.
    sent: VecDeque<(u64, Instant)>,
    /// When a reply came last.
    heard: Option<Instant>,
    /// How many have ended that had waited too long, since the last prompt reply.
    silent: u32,
}

/// What is too long, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) silence: Duration,
    /// Whether several servers answer over this connection, so that one may be silent while another is heard.
    pub(crate) many: bool,
}

impl Waiting {
    /// Notes a request on its way; gives its number.
    pub(crate) fn send(&mut self) -> u64 {
        self.last += 1;
        self.sent.push_back((self.last, Instant::now()));
        self.last
    }

    /// Notes that nobody waits for a request any more: it was answered, or given up. Tells how long it has waited.
    ///
    /// A reply that came late may be that of the request before, where one was lost on the way: it takes nothing
    /// off the suspicion.
    pub(crate) fn end(&mut self, request: u64, answered: bool, patience: Patience) -> Duration {
        let Ok(place) = self.sent.binary_search_by_key(&request, |(sent, _)| *sent) else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let waited = self.sent.remove(place);
        let waited = waited.map_or(Duration::ZERO, |(_, since)| now.duration_since(since));
        let late = waited >= patience.silence;
        if late && !self.is_heard(now, patience) {
            self.silent += 1;
        }
        if answered {
            self.heard = Some(now);
            // Of several servers another one may have answered.
            if !late && !patience.many {
                self.silent = 0;
            }
        }
        waited
    }

    /// Tells whether the peer is thought to have vanished: some requests have waited too long with nothing heard in
    /// between.
    pub(crate) fn is_in_vain(&self, patience: Patience) -> bool {
        let missing = SILENT.saturating_sub(self.silent) as usize;
        // The usual case, and the cheapest: nobody asks what time it is.
        if self.sent.len() < missing {
            return false;
        }
        let now = Instant::now();
        let oldest = self.sent.iter().take(missing);
        let late = oldest.filter(|(_, since)| now.duration_since(*since) >= patience.silence);
        late.count() == missing && !self.is_heard(now, patience)
    }

    /// Tells whether the peer was heard lately. Where a reply was lost on the way each request is answered by the
    /// next one's reply: heard, but not lately.
    fn is_heard(&self, now: Instant, patience: Patience) -> bool {
        let lately = |heard| now.duration_since(heard) < patience.silence / 2;
        !patience.many && self.heard.is_some_and(lately)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SILENCE: Duration = Duration::from_millis(80);
    const ONE: Patience = Patience {
        silence: SILENCE,
        many: false,
    };
    const MANY: Patience = Patience {
        silence: SILENCE,
        many: true,
    };

    #[tokio::test(start_paused = true)]
    async fn two_that_wait_too_long_do_so_in_vain() {
        let mut waiting = Waiting::default();
        waiting.send();
        advance(SILENCE / 2).await;
        waiting.send();
        advance(SILENCE / 2).await;
        assert!(!waiting.is_in_vain(ONE), "one may be a slow script");
        advance(SILENCE / 2).await;
        assert!(waiting.is_in_vain(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_gave_up_count_until_a_prompt_reply() {
        let mut waiting = Waiting::default();
        for _ in 0..2 {
            let request = waiting.send();
            advance(SILENCE).await;
            waiting.end(request, false, ONE);
        }
        assert!(waiting.is_in_vain(ONE));
        let request = waiting.send();
        waiting.end(request, true, ONE);
        advance(SILENCE).await;
        assert!(!waiting.is_in_vain(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_all_come_late_are_another_requests() {
        let mut waiting = Waiting::default();
        let mut shifted = waiting.send();
        for _ in 0..2 {
            advance(SILENCE).await;
            let next = waiting.send();
            waiting.end(shifted, true, ONE);
            shifted = next;
        }
        advance(SILENCE).await;
        assert!(waiting.is_in_vain(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_heard_is_there() {
        let mut waiting = Waiting::default();
        let slow = [waiting.send(), waiting.send()];
        advance(SILENCE).await;
        let prompt = waiting.send();
        waiting.end(prompt, true, ONE);
        assert!(!waiting.is_in_vain(ONE));
        advance(SILENCE / 2).await;
        assert!(waiting.is_in_vain(ONE), "but not lately");
        for request in slow {
            waiting.end(request, true, ONE);
        }
        assert!(!waiting.is_in_vain(ONE));
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_servers_one_may_be_silent() {
        let mut waiting = Waiting::default();
        waiting.send();
        waiting.send();
        advance(SILENCE).await;
        let prompt = waiting.send();
        waiting.end(prompt, true, MANY);
        assert!(waiting.is_in_vain(MANY));
    }
}
