//! A process that stops after any call of any operation on inboxes leaves them consistent, and a
//! repeat by another process completes the operation once.

use std::time::Duration;

use salver::mail::Cadence;
use salver::store::MemoryStore;
use salver::{
    Error, InboxFilter, MessageId, Notification, ReadState, Recipient, Salver, SalverBuilder,
};
use serde_json::Value;

use super::report;
use crate::support::history::Verdict;
use crate::support::inboxes::note;
use crate::support::redis::Server;

/// More than one page of an export and of a filtered read.
const MANY: usize = 205;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Notify,
    List,
    Counts,
    MarkByFilter,
    MarkByIds,
    MarkAll,
    MarkArchived,
    MarkSeen,
    Retract,
    Erase,
    Export,
}

const OPERATIONS: [Operation; 11] = [
    Operation::Notify,
    Operation::List,
    Operation::Counts,
    Operation::MarkByFilter,
    Operation::MarkByIds,
    Operation::MarkAll,
    Operation::MarkArchived,
    Operation::MarkSeen,
    Operation::Retract,
    Operation::Erase,
    Operation::Export,
];

/// The people that one run of an operation works on.
struct Scene {
    people: [Recipient; 3],
    ids: Vec<MessageId>,
    new: Notification,
}

/// The texts of one person by state, and the counts.
type State = (Vec<(String, bool)>, Vec<String>, (u64, u64, u64));

impl Scene {
    async fn prepare(operation: Operation, name: &str, salver: &Salver) -> Self {
        let people = ["a", "b", "c"].map(|person| Recipient::user(format!("{name}-{person}")));
        let many = match operation {
            Operation::List | Operation::MarkByFilter | Operation::Retract | Operation::Export => {
                MANY
            }
            _ => 4,
        };
        for number in 0..many {
            let kind = if number % 2 == 0 { "even" } else { "odd" };
            let note = Notification::new(kind, salver::Message::info(number.to_string()));
            let to = if number < 2 {
                &people[..]
            } else {
                &people[..1]
            };
            salver.notify(to.to_vec(), note).await.unwrap();
        }
        let inbox = salver.inbox(&people[0]);
        let archived = InboxFilter::all().text("1");
        inbox
            .mark(&archived.limit(1), ReadState::Archived)
            .await
            .unwrap();
        let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
        let ids = page.rows.iter().take(2).map(|row| row.newest.id());
        Self {
            ids: ids.collect(),
            new: note("new"),
            people,
        }
    }

    async fn run(&self, operation: Operation, salver: &Salver) -> Result<(), Error> {
        let (inbox, all) = (salver.inbox(&self.people[0]), InboxFilter::all);
        match operation {
            Operation::Notify => salver.notify(self.people.clone(), self.new.clone()).await,
            Operation::List => inbox
                .list(&all().kind("odd").limit(100), None)
                .await
                .map(drop),
            Operation::Counts => inbox.counts().await.map(drop),
            Operation::MarkByFilter => inbox
                .mark(&all().kind("even"), ReadState::Archived)
                .await
                .map(drop),
            Operation::MarkByIds => {
                let ids = all().ids(self.ids.iter().copied());
                inbox.mark(&ids, ReadState::Read).await.map(drop)
            }
            Operation::MarkAll => inbox.mark(&all(), ReadState::Read).await.map(drop),
            Operation::MarkArchived => {
                let archived = InboxFilter::archived();
                inbox.mark(&archived, ReadState::Unread).await.map(drop)
            }
            Operation::MarkSeen => {
                inbox.list(&all(), None).await?;
                inbox.mark_seen().await
            }
            Operation::Retract => inbox.retract(&all().kind("odd")).await.map(drop),
            Operation::Erase => salver.erase(&self.people[0]).await,
            Operation::Export => salver.export(&self.people[0]).await.map(drop),
        }
    }

    async fn states(&self, salver: &Salver) -> Vec<State> {
        let mut states = Vec::new();
        for person in &self.people {
            let export = salver.export(person).await.unwrap();
            let counts = salver.inbox(person).counts().await.unwrap();
            let text = |one: &Value| one["text"].as_str().unwrap().to_owned();
            let listed = export["notifications"].as_array().unwrap().iter();
            let listed: Vec<_> = listed
                .map(|one| (text(one), one["unread"] == true))
                .collect();
            let archived = export["archived"].as_array().unwrap().iter().map(text);
            let unread = listed.iter().filter(|(_, unread)| *unread).count() as u64;
            assert_eq!((counts.unread, counts.total), (unread, listed.len() as u64));
            let counts = (counts.unseen, counts.unread, counts.total);
            states.push((listed, archived.collect(), counts));
        }
        states
    }
}

/// Stops after each call of each operation. `process` starts a process that shares the store.
/// Returns the numbers of calls and of stops.
async fn stop_everywhere(store: &str, process: impl Fn() -> Salver) -> (u64, u64) {
    let (mut calls, mut stops) = (0, 0);
    let observer = process();
    for operation in OPERATIONS {
        let name = format!("{operation:?}");
        let scene = Scene::prepare(operation, &name, &observer).await;
        let (counted, before) = (process(), scene.states(&observer).await);
        let from = counted.finished_calls();
        scene.run(operation, &counted).await.unwrap();
        let all = counted.finished_calls() - from;
        assert!(all > 0, "the calls of {operation:?} are not counted");
        let after = scene.states(&observer).await;
        for call in 1..=all {
            let scene = Scene::prepare(operation, &format!("{name}-{call}"), &observer).await;
            assert_eq!(scene.states(&observer).await, before, "{operation:?}");
            let stopping = process();
            stopping.stop_after(call);
            tokio::select! {
                biased;
                outcome = scene.run(operation, &stopping) => panic!("{operation:?}: {outcome:?}"),
                () = stopping.stopped() => stops += 1,
            }
            // The processes of a memory store share one handle.
            stopping.stop_after(u64::MAX);
            scene.states(&observer).await;
            for _ in 0..2 {
                scene.run(operation, &observer).await.unwrap();
                assert_eq!(
                    scene.states(&observer).await,
                    after,
                    "{operation:?} after call {call}"
                );
            }
        }
        println!("STOP inbox {store} operation={operation:?} calls={all}");
        calls += all;
    }
    println!("STOP inbox {store} calls={calls} stops={stops}");
    (calls, stops)
}

fn with_mails() -> SalverBuilder {
    // A process without cadences reads those of the workers, once.
    let builder = Salver::builder("app").site("https://app.example");
    builder.default_cadence("other", Cadence::AtOnce)
}

#[tokio::test]
async fn process_stops_after_any_call_and_repeat_completes_it() {
    let server = Server::start();
    let url = server.url();
    let memory = with_mails().store(MemoryStore::new()).build().unwrap();
    let (in_memory, stops_in_memory) = stop_everywhere("memory", || memory.clone()).await;
    let redis = || with_mails().redis(&url).build().unwrap();
    let (in_redis, stops_in_redis) = stop_everywhere("redis", redis).await;
    assert_eq!(in_memory, stops_in_memory);
    assert_eq!(in_redis, stops_in_redis);
    assert_eq!(in_memory, in_redis);
    let stops = usize::try_from(stops_in_memory + stops_in_redis).unwrap();
    let verdict = Verdict {
        n: stops,
        received: stops,
        ..Verdict::default()
    };
    let more = format!("calls={} stops={stops}", in_memory + in_redis);
    report(
        "inbox_stops",
        verdict,
        (Duration::ZERO, Duration::ZERO),
        more,
    );
}
