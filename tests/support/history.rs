//! What became of every message: a history that readers, writers and the server fill, and its checker.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use salver::{Context, Message, MessageId};

/// Begins the text of every message that a history knows: whose it is stands in it, so that every reader
/// notices what is not its own.
const CANARY: &str = "canary";

/// A history. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    acknowledged: HashSet<MessageId>,
    in_doubt: HashSet<MessageId>,
    displaced: usize,
    expired: usize,
    received: HashMap<MessageId, usize>,
    confirmed: HashSet<MessageId>,
    /// The end of the lease under which a message is, in Unix milliseconds.
    leases: HashMap<MessageId, u64>,
    twice: usize,
    foreign: usize,
}

/// A message as the server tells of it: what happened when, in Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Scored {
        id: MessageId,
        score: u64,
        at: u64,
    },
    /// By a confirm, or else by a take, a retract, a look that found it too old.
    Removed {
        id: MessageId,
        confirmed: bool,
    },
}

impl History {
    /// Makes a message that says whose it is. The parts of its context must be single words.
    pub fn message(&self, context: &Context) -> Message {
        let id = MessageId::new();
        let (session, view) = (context.session().as_str(), context.view().as_str());
        Message::info(format!("{CANARY}/{session}/{view}/{id}")).with_id(id)
    }

    /// Notes that an add of this message was acknowledged.
    pub fn acknowledged(&self, message: &Message) {
        self.told().acknowledged.insert(message.id());
    }

    /// Notes that nobody knows whether a message was added.
    pub fn in_doubt(&self, message: &Message) {
        self.told().in_doubt.insert(message.id());
    }

    /// Notes that so many messages went to make room.
    pub fn displaced(&self, count: u64) {
        self.told().displaced += count as usize;
    }

    /// Notes that so many messages were dropped for their age.
    pub fn expired(&self, count: u64) {
        self.told().expired += count as usize;
    }

    /// Notes that a message was cleared on purpose: nobody is to have it any more.
    pub fn cleared(&self, id: MessageId) {
        self.told().acknowledged.remove(&id);
    }

    /// Notes what a reader of this context has read to its end.
    pub fn received(&self, reader: &Context, page: &str) {
        let mut told = self.told();
        for canary in page.split(CANARY).skip(1) {
            let mut parts = canary.split('/').skip(1);
            let (session, view) = (parts.next().unwrap(), parts.next().unwrap());
            let id = parts.next().and_then(|rest| rest.get(..36)).unwrap();
            let own = session == reader.session().as_str()
                && (view == reader.view().as_str() || view == "*");
            told.foreign += usize::from(!own);
            *told.received.entry(id.parse().unwrap()).or_default() += 1;
        }
    }

    /// Notes what a reader of this context was given.
    pub fn given(&self, reader: &Context, messages: &[Message]) {
        for message in messages {
            self.received(reader, message.text());
        }
    }

    /// Notes what the server has done.
    pub fn happened(&self, event: Event) {
        let mut told = self.told();
        match event {
            Event::Scored { id, score, at } => {
                let held = told.leases.get(&id).is_some_and(|until| *until > at);
                // A score to come is a claim; any other is an add or a release.
                if score > at {
                    told.twice += usize::from(held);
                    told.leases.insert(id, score);
                } else {
                    told.leases.remove(&id);
                }
            }
            Event::Removed { id, confirmed } => {
                told.leases.remove(&id);
                if confirmed {
                    told.confirmed.insert(id);
                }
            }
        }
    }

    /// Judges, given what is still in the store.
    pub fn verdict(&self, pending: &HashSet<MessageId>) -> Verdict {
        let told = self.told();
        let mut verdict = Verdict {
            n: told.acknowledged.len(),
            twice: told.twice,
            foreign: told.foreign,
            in_doubt: told.in_doubt.difference(&told.acknowledged).count(),
            again: told.received.values().map(|times| times - 1).sum(),
            ..Verdict::default()
        };
        for id in &told.acknowledged {
            if told.received.contains_key(id) {
                verdict.received += 1;
            } else if pending.contains(id) {
                verdict.pending += 1;
            } else if told.confirmed.contains(id) {
                verdict.handed += 1;
            } else {
                verdict.lost += 1;
            }
        }
        // Nobody names what was displaced or has expired: as many as was told are excused.
        verdict.displaced = verdict.lost.min(told.displaced);
        verdict.lost -= verdict.displaced;
        verdict.expired = verdict.lost.min(told.expired);
        verdict.lost -= verdict.expired;
        verdict
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }
}

/// The classes into which acknowledged messages fall; they add up to `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub n: usize,
    /// A client read the body to its end.
    pub received: usize,
    /// Confirmed, and the client read less.
    pub handed: usize,
    pub pending: usize,
    pub displaced: usize,
    pub expired: usize,
    pub lost: usize,
    /// Claimed by two while one lease held.
    pub twice: usize,
    /// Received once more, after a crash, a late confirm or an add in doubt.
    pub again: usize,
    /// Received by somebody else.
    pub foreign: usize,
    /// Added perhaps: not among the acknowledged.
    pub in_doubt: usize,
}

/// One row of the table of faults.
#[derive(Debug, Default)]
pub struct Row {
    pub test: &'static str,
    pub verdict: Verdict,
    /// The longest that anybody waited for the store.
    pub worst_wait: Duration,
    /// How long after the fault everything worked again.
    pub recovery: Duration,
    /// Figures of this row alone.
    pub more: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (test, v, more) = (self.test, &self.verdict, &self.more);
        let (wait, recovery) = (self.worst_wait.as_millis(), self.recovery.as_millis());
        write!(
            f,
            "FAULT {test} n={} lost={} handed={} twice={} again={} foreign={} worst_wait_ms={wait} \
             recovery_ms={recovery} received={} pending={} displaced={} expired={} \
             in_doubt={}{}{more}",
            v.n,
            v.lost,
            v.handed,
            v.twice,
            v.again,
            v.foreign,
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
    /// Prints the row, and fails where a message was lost, shown to two at once, or shown to a stranger.
    pub fn judge(self) {
        println!("{self}");
        let v = &self.verdict;
        assert_eq!(
            v.n,
            v.received + v.handed + v.pending + v.displaced + v.expired + v.lost,
            "the classes add up"
        );
        assert!(v.n > 0, "nothing was added: nothing was tried");
        assert_eq!(
            (v.lost, v.twice, v.foreign),
            (0, 0, 0),
            "lost, twice, foreign"
        );
    }
}

#[test]
fn the_checker_sees_what_it_is_to_see() {
    let history = History::default();
    let (ada, bob) = (super::at("ada", "page"), super::at("bob", "page"));
    let [shown, lost, kept, handed, foreign] = std::array::from_fn(|_| history.message(&ada));
    for message in [&shown, &lost, &kept, &handed, &foreign] {
        history.acknowledged(message);
    }
    history.received(&ada, &format!("<li>{}</li>", shown.text()));
    history.received(&ada, shown.text());
    history.received(&bob, foreign.text());
    let (id, at) = (handed.id(), 1_000);
    for score in [2_000, 900, 2_000, 2_000] {
        history.happened(Event::Scored { id, score, at });
    }
    history.happened(Event::Removed {
        id,
        confirmed: true,
    });
    let verdict = history.verdict(&HashSet::from([kept.id()]));
    let expected = Verdict {
        n: 5,
        received: 2,
        handed: 1,
        pending: 1,
        lost: 1,
        twice: 1,
        again: 1,
        foreign: 1,
        ..Verdict::default()
    };
    assert_eq!(verdict, expected);
}
