//! Runs both stores and the model with a shared clock.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use redis::Connection;
use salver::store::{MemoryStore, RedisStore};
use salver::{MessageId, Salver};
use tokio::runtime::{Builder, Runtime};
use uuid::Builder as UuidBuilder;

use super::call::{Call, Note, Outcome, Selection};
use super::handle::Handle;
use super::reference::Model;
use super::steps::{Condition, Conditions, Draft, Operation, Step};
use crate::support::redis::Server;
use crate::support::test_clock::TestClock;

/// After how many steps all notifications are compared, not just their counts.
const FULL_COMPARISON: usize = 10;

/// How long a busy machine may take for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shared by all runs: starting a server takes longer than a run.
pub struct Harness {
    runtime: Runtime,
    clock: TestClock,
    redis: Salver,
    connection: Connection,
    pub steps: usize,
    /// How often each outcome occurred, in all runs.
    pub counts: BTreeMap<&'static str, u64>,
    _server: Server,
}

impl Harness {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let clock = runtime.block_on(TestClock::new());
        let server = Server::start_at(&clock.path);
        let store = RedisStore::new(&server.url()).unwrap();
        Self {
            redis: Salver::builder("app")
                .store(store)
                .call_timeout(PATIENCE)
                .build()
                .unwrap(),
            connection: server.connect(),
            runtime,
            clock,
            steps: 0,
            counts: BTreeMap::new(),
            _server: server,
        }
    }

    /// Executes one run on empty stores. Returns the first difference as an error.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        redis::cmd("FLUSHALL").exec(&mut self.connection).unwrap();
        let store = MemoryStore::with_clock(self.clock.clock.clone());
        let memory = Handle::new(Salver::new("app", store).unwrap());
        let redis = Handle::new(self.redis.clone());
        let (mut model, mut notes) = (Model::default(), Notes::default());
        for (number, step) in steps.iter().enumerate() {
            match u64::try_from(step.clock) {
                Ok(0) => {}
                Ok(ahead) => self.clock.advance(ahead),
                Err(_) => self.clock.rewind(step.clock.unsigned_abs()),
            }
            let now = self.clock.now();
            model.set_time(now);
            if step.clock < 0 {
                model.count("clock_back");
            }
            let Some(call) = notes.call(now, &step.operation, &model) else {
                continue;
            };
            let expected = (model.execute(&call), model.all_counts());
            let is_last = number + 1 == steps.len();
            let is_full = is_last || number % FULL_COMPARISON == 0;
            let outcomes = self.runtime.block_on(async {
                let in_memory = memory.execute(&call, &mut notes.ids).await;
                let in_redis = redis.execute(&call, &mut notes.ids).await;
                let ids = match is_full {
                    true => Some((memory.export_all().await, redis.export_all().await)),
                    false => None,
                };
                (in_memory, in_redis, ids)
            });
            let (in_memory, in_redis, exports) = outcomes;
            if expected != in_memory || expected != in_redis {
                return Err(format!(
                    "{call:?}\nmodel  {expected:?}\nmemory {in_memory:?}\nRedis  {in_redis:?}"
                ));
            }
            let Some((in_memory, in_redis)) = exports else {
                continue;
            };
            if in_memory != in_redis {
                return Err(format!(
                    "after {call:?}\nmemory {in_memory:?}\nRedis  {in_redis:?}"
                ));
            }
        }
        self.steps += steps.len();
        for (outcome, times) in model.counts {
            *self.counts.entry(outcome).or_default() += times;
        }
        Ok(())
    }
}

/// The notifications of a run.
#[derive(Default)]
struct Notes {
    notes: Vec<Note>,
    times: HashSet<u64>,
    /// The ids that recipients have, by recipient and serial, as they were listed.
    ids: [BTreeMap<usize, MessageId>; 3],
}

impl Notes {
    /// Returns the call of a step in the current state. `None` if the step refers to a notification
    /// that does not exist yet.
    fn call(&mut self, now: u64, operation: &Operation, model: &Model) -> Option<Call> {
        Some(match operation {
            Operation::Notify(to, draft) => Call::Notify(to.clone(), vec![self.note(now, draft)]),
            Operation::Repeat(to, ago) => {
                let note = self.notes.iter().rev().nth(*ago)?;
                Call::Notify(to.clone(), vec![note.clone()])
            }
            Operation::Fill(to, size, draft) => {
                let notes = (0..*size).map(|_| self.note(now, draft));
                Call::Notify(vec![*to], notes.collect())
            }
            Operation::List(of, which) => Call::List(*of, self.selection(*of, which, model)),
            Operation::Mark(of, which, state) => {
                Call::Mark(*of, self.selection(*of, which, model), *state)
            }
            Operation::MarkSeen(of) => Call::MarkSeen(*of),
            Operation::Retract(of, which) => Call::Retract(*of, self.selection(*of, which, model)),
            Operation::Erase(of) => Call::Erase(*of),
            Operation::Export(of) => Call::Export(*of),
        })
    }

    fn note(&mut self, now: u64, draft: &Draft) -> Note {
        let mut built_at = now.saturating_add_signed(draft.built_offset);
        while !self.times.insert(built_at) {
            built_at += 1;
        }
        let serial = self.notes.len();
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&(serial as u64).to_be_bytes());
        let id = UuidBuilder::from_unix_timestamp_millis(built_at, &tail).into_uuid();
        let note = Note {
            serial,
            id: id.try_into().unwrap(),
            built_at,
            kind: draft.kind,
            subject: draft.subject,
            group: draft.group,
            tag: draft.tag,
            actor: draft.actor,
            is_read: draft.is_read,
        };
        self.notes.push(note.clone());
        note
    }

    fn selection(&self, recipient: usize, conditions: &Conditions, model: &Model) -> Selection {
        let positions = model.positions(recipient);
        let at = |rank: Option<usize>| positions.get(rank?).copied();
        let mut selection = Selection {
            since: at(conditions.since),
            until: at(conditions.until),
            is_grouped: conditions.is_grouped,
            limit: conditions.limit,
            ..Selection::tab(conditions.tab)
        };
        match &conditions.condition {
            Condition::None => {}
            Condition::Kind(kind) => selection.kind = Some(kind),
            Condition::Subject(subject) => selection.subject = Some(subject),
            Condition::Group(group) => selection.group = Some(group),
            Condition::Text(text) => selection.text = Some(text),
            Condition::Ids(ago) => {
                let serials = ago
                    .iter()
                    .filter_map(|ago| self.notes.len().checked_sub(ago + 1));
                let mut known: Vec<_> = serials
                    .filter(|serial| self.ids[recipient].contains_key(serial))
                    .collect();
                known.sort_unstable();
                known.dedup();
                selection.serials = Some(known);
            }
        }
        selection
    }
}

/// Outcomes of a call, and the counts of all recipients after it.
pub type WithCounts = (Outcome, super::call::Counts);
