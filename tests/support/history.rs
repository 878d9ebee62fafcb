//! A history of every message, filled by writers, readers and a
//! [`Monitor`](super::monitor::Monitor), and the checker that classifies the messages afterwards.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use salver::{Context, Message, MessageId};

/// Prefix of the text of every recorded message. The owner follows, so that a reader detects
/// messages of other contexts.
const CANARY: &str = "canary";

/// A history. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<HistoryState>>);

#[derive(Debug, Default)]
struct HistoryState {
    acknowledged: HashSet<MessageId>,
    in_doubt: HashSet<MessageId>,
    displaced: usize,
    expired: usize,
    /// How often each message was received.
    received: HashMap<MessageId, usize>,
    confirmed: HashSet<MessageId>,
    /// The end of each message's current lease, in Unix milliseconds.
    leases: HashMap<MessageId, u64>,
    twice: usize,
    misdelivered: usize,
}

/// A change of one message, as the server reports it. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The score was set: by an add, a claim or a release.
    Scored { id: MessageId, score: u64, at: u64 },
    /// Removed by a confirm; otherwise by a take, a retract, or a read that found the message too
    /// old.
    Removed { id: MessageId, confirmed: bool },
}

impl History {
    /// Creates a message whose text names its owner. Session and view must not contain `/`.
    pub fn message(&self, context: &Context) -> Message {
        let id = MessageId::new();
        let (session, view) = (context.session().as_str(), context.view().as_str());
        Message::info(format!("{CANARY}/{session}/{view}/{id}")).with_id(id)
    }

    /// Records that the store acknowledged the add of this message.
    pub fn record_acknowledged(&self, message: &Message) {
        self.lock().acknowledged.insert(message.id());
    }

    /// Records that the add of this message failed and may have been applied.
    pub fn record_in_doubt(&self, message: &Message) {
        self.lock().in_doubt.insert(message.id());
    }

    /// Records that `count` messages were displaced by newer ones.
    pub fn record_displaced(&self, count: u64) {
        self.lock().displaced += count as usize;
    }

    /// Records that `count` messages were removed because of their age.
    pub fn record_expired(&self, count: u64) {
        self.lock().expired += count as usize;
    }

    /// Records that a message was cleared on purpose. It counts neither as acknowledged nor as
    /// lost.
    pub fn record_cleared(&self, id: MessageId) {
        self.lock().acknowledged.remove(&id);
    }

    /// Records the messages in a page that a reader of this context has read to its end.
    pub fn record_received(&self, reader: &Context, page: &str) {
        let mut state = self.lock();
        for canary in page.split(CANARY).skip(1) {
            let mut parts = canary.split('/').skip(1);
            let (session, view) = (parts.next().unwrap(), parts.next().unwrap());
            let id = parts.next().and_then(|rest| rest.get(..36)).unwrap();
            let is_own = session == reader.session().as_str()
                && (view == reader.view().as_str() || view == "*");
            state.misdelivered += usize::from(!is_own);
            *state.received.entry(id.parse().unwrap()).or_default() += 1;
        }
    }

    /// Records messages that a reader of this context has received.
    pub fn record_received_messages(&self, reader: &Context, messages: &[Message]) {
        for message in messages {
            self.record_received(reader, message.text());
        }
    }

    /// Records a change that the server reported.
    pub fn record(&self, event: Event) {
        let mut state = self.lock();
        match event {
            Event::Scored { id, score, at } => {
                let is_leased = state.leases.get(&id).is_some_and(|until| *until > at);
                // A score in the future is a claim; any other score is an add or a release.
                if score > at {
                    state.twice += usize::from(is_leased);
                    state.leases.insert(id, score);
                } else {
                    state.leases.remove(&id);
                }
            }
            Event::Removed { id, confirmed } => {
                state.leases.remove(&id);
                if confirmed {
                    state.confirmed.insert(id);
                }
            }
        }
    }

    /// Classifies all acknowledged messages. `pending` contains the ids that are still in the
    /// store.
    pub fn verdict(&self, pending: &HashSet<MessageId>) -> Verdict {
        let state = self.lock();
        let mut verdict = Verdict {
            n: state.acknowledged.len(),
            twice: state.twice,
            misdelivered: state.misdelivered,
            in_doubt: state.in_doubt.difference(&state.acknowledged).count(),
            again: state.received.values().map(|times| times - 1).sum(),
            ..Verdict::default()
        };
        for id in &state.acknowledged {
            if state.received.contains_key(id) {
                verdict.received += 1;
            } else if pending.contains(id) {
                verdict.pending += 1;
            } else if state.confirmed.contains(id) {
                verdict.delivered += 1;
            } else {
                verdict.lost += 1;
            }
        }
        // Displaced and expired messages are recorded by number, not by id. That many missing
        // messages do not count as lost.
        verdict.displaced = verdict.lost.min(state.displaced);
        verdict.lost -= verdict.displaced;
        verdict.expired = verdict.lost.min(state.expired);
        verdict.lost -= verdict.expired;
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, HistoryState> {
        self.0.lock().unwrap()
    }
}

/// The classes into which acknowledged messages fall; they add up to `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub n: usize,
    /// A client read the response body to its end.
    pub received: usize,
    /// Confirmed, although the client did not read the whole body.
    pub delivered: usize,
    pub pending: usize,
    pub displaced: usize,
    pub expired: usize,
    pub lost: usize,
    /// Claimed a second time while the first lease was still running.
    pub twice: usize,
    /// Received again, after a crash, a late confirm or an add in doubt.
    pub again: usize,
    /// Received by another session or on another view.
    pub misdelivered: usize,
    /// Adds that failed and may have been applied. Not part of `n`.
    pub in_doubt: usize,
}

/// One row of the fault table.
#[derive(Debug, Default)]
pub struct Row {
    pub test: &'static str,
    pub verdict: Verdict,
    /// The longest wait for the store.
    pub worst_wait: Duration,
    /// The time from the end of the fault until every operation succeeded again.
    pub recovery: Duration,
    /// Additional figures of this row.
    pub more: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (test, v, more) = (self.test, &self.verdict, &self.more);
        let (wait, recovery) = (self.worst_wait.as_millis(), self.recovery.as_millis());
        write!(
            f,
            "FAULT {test} n={} lost={} delivered={} twice={} again={} foreign={} worst_wait_ms={wait} \
             recovery_ms={recovery} received={} pending={} displaced={} expired={} \
             in_doubt={}{}{more}",
            v.n,
            v.lost,
            v.delivered,
            v.twice,
            v.again,
            v.misdelivered,
            v.received,
            v.pending,
            v.displaced,
            v.expired,
            v.in_doubt,
            if more.is_empty() { "" } else { " " },
        )
    }
}

impl Row {
    /// Prints the row. Panics if a message was lost, claimed twice, or delivered to another
    /// context.
    pub fn report(self) {
        println!("{self}");
        let v = &self.verdict;
        assert_eq!(
            v.n,
            v.received + v.delivered + v.pending + v.displaced + v.expired + v.lost,
            "the classes do not add up to n"
        );
        assert!(v.n > 0, "no message was added");
        assert_eq!(
            (v.lost, v.twice, v.misdelivered),
            (0, 0, 0),
            "lost, twice, misdelivered"
        );
    }
}

#[test]
fn verdict_classifies_every_message() {
    let history = History::default();
    let (ada, bob) = (super::at("ada", "page"), super::at("bob", "page"));
    let [shown, lost, kept, delivered, misdelivered] =
        std::array::from_fn(|_| history.message(&ada));
    for message in [&shown, &lost, &kept, &delivered, &misdelivered] {
        history.record_acknowledged(message);
    }
    history.record_received(&ada, &format!("<li>{}</li>", shown.text()));
    history.record_received(&ada, shown.text());
    history.record_received(&bob, misdelivered.text());
    let (id, at) = (delivered.id(), 1_000);
    for score in [2_000, 900, 2_000, 2_000] {
        history.record(Event::Scored { id, score, at });
    }
    history.record(Event::Removed {
        id,
        confirmed: true,
    });
    let verdict = history.verdict(&HashSet::from([kept.id()]));
    let expected = Verdict {
        n: 5,
        received: 2,
        delivered: 1,
        pending: 1,
        lost: 1,
        twice: 1,
        again: 1,
        misdelivered: 1,
        ..Verdict::default()
    };
    assert_eq!(verdict, expected);
}
