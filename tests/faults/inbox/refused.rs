//! A server that refuses writes: out of memory, a replica, a failed snapshot.

use std::time::Duration;

use salver::{Error, InboxFilter, Message, Notification, ReadState, Salver};
use serde_json::Value;

use super::report;
use crate::support::eventually;
use crate::support::history::Verdict;
use crate::support::inbox_history::{key_differences, people, person};
use crate::support::profile::{by_profile, salver};
use crate::support::redis::Server;

const CALLS: [Call; 8] = [
    Call::Notify,
    Call::NotifyTagged,
    Call::MarkRead,
    Call::MarkUnread,
    Call::Archive,
    Call::MarkSeen,
    Call::Retract,
    Call::Erase,
];

/// The calls that a server without free memory accepts.
const FREE_MEMORY: [Call; 5] = [
    Call::NotifyTagged,
    Call::MarkRead,
    Call::Archive,
    Call::Retract,
    Call::Erase,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    OutOfMemory,
    Replica,
    FailedSnapshot,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Notify,
    /// Replaces a notification that the inbox has.
    NotifyTagged,
    MarkRead,
    MarkUnread,
    Archive,
    MarkSeen,
    Retract,
    Erase,
}

/// A call that is refused has changed nothing, and succeeds once the server accepts writes.
#[tokio::test]
async fn refused_call_changes_nothing() {
    let mut verdict = Verdict::default();
    for _ in 0..by_profile(1, 20) {
        for refusal in [
            Refusal::OutOfMemory,
            Refusal::Replica,
            Refusal::FailedSnapshot,
        ] {
            let (calls, accepted) = check_all(refusal).await;
            println!("REFUSED {refusal:?} calls={calls} accepted={accepted}");
            verdict.n += calls;
            verdict.received += calls;
        }
    }
    let more = format!("calls={}", verdict.n);
    report(
        "inbox_refused",
        verdict,
        (Duration::ZERO, Duration::ZERO),
        more,
    );
}

/// Makes each call in an inbox of its own. Returns how many calls were made, and how many of them the
/// server accepted.
async fn check_all(refusal: Refusal) -> (usize, usize) {
    let fixture = Fixture::start(refusal).await;
    fixture.refuse(refusal).await;
    let mut accepted = 0;
    for (number, call) in CALLS.into_iter().enumerate() {
        let before = fixture.stored(number).await;
        let Err(error) = fixture.run(call, number).await else {
            // Calls that free memory are accepted by a server that has none left.
            let frees_memory = FREE_MEMORY.contains(&call);
            assert!(
                refusal == Refusal::OutOfMemory && frees_memory,
                "{refusal:?} {call:?}"
            );
            accepted += 1;
            continue;
        };
        let is_full = refusal == Refusal::OutOfMemory;
        assert_eq!(error.is_full(), is_full, "{refusal:?} {call:?}: {error:?}");
        assert_eq!(
            error.is_unavailable(),
            !is_full,
            "{refusal:?} {call:?}: {error:?}"
        );
        assert!(!error.is_in_doubt(), "{error:?}");
        assert_eq!(fixture.stored(number).await, before, "{refusal:?} {call:?}");
    }
    fixture.accept(refusal).await;
    for (number, call) in CALLS.into_iter().enumerate() {
        fixture.run(call, number).await.unwrap();
        assert_eq!(
            key_differences(fixture.server(), number),
            0,
            "{refusal:?} {call:?}"
        );
        fixture.check(call, number).await;
    }
    (CALLS.len(), accepted)
}

/// The inboxes of one person for each call, on a server that a handle writes to.
struct Fixture {
    primary: Server,
    /// The handle writes to this server instead, if there is one.
    replica: Option<Server>,
    salver: Salver,
    new: Notification,
    tagged: Notification,
}

impl Fixture {
    async fn start(refusal: Refusal) -> Self {
        let primary = Server::start();
        let writer = salver(&primary.url());
        let note = |text: &str| Notification::new("test", Message::info(text));
        let tagged = |text: &str| Notification::new("test", Message::info(text).tag("tag"));
        for recipient in people(&(0..CALLS.len()).collect::<Vec<_>>()) {
            for note in [note("read"), note("unread"), tagged("before")] {
                writer.notify([recipient.clone()], note).await.unwrap();
            }
            let inbox = writer.inbox(&recipient);
            let filter = InboxFilter::all().text("read");
            inbox.mark(&filter, ReadState::Read).await.unwrap();
            let filter = InboxFilter::all().text("unread");
            inbox.mark(&filter, ReadState::Unread).await.unwrap();
        }
        let replica = match refusal {
            Refusal::Replica => Some(replica_of(&primary).await),
            _ => None,
        };
        let url = replica.as_ref().unwrap_or(&primary).url();
        Self {
            salver: salver(&url),
            primary,
            replica,
            new: note("new"),
            tagged: tagged("after"),
        }
    }

    fn server(&self) -> &Server {
        self.replica.as_ref().unwrap_or(&self.primary)
    }

    async fn run(&self, call: Call, number: usize) -> Result<(), Error> {
        let (person, all) = (person(number), InboxFilter::all);
        let inbox = self.salver.inbox(&person);
        match call {
            Call::Notify => self.salver.notify([person], self.new.clone()).await,
            Call::NotifyTagged => self.salver.notify([person], self.tagged.clone()).await,
            Call::MarkRead => inbox.mark(&all(), ReadState::Read).await.map(drop),
            Call::MarkUnread => {
                let filter = all().kind("test");
                inbox.mark(&filter, ReadState::Unread).await.map(drop)
            }
            Call::Archive => inbox.mark(&all(), ReadState::Archived).await.map(drop),
            Call::MarkSeen => {
                inbox.list(&all(), None).await?;
                inbox.mark_seen().await
            }
            Call::Retract => inbox.retract(&all().text("unread")).await.map(drop),
            Call::Erase => self.salver.erase(&person).await,
        }
    }

    async fn stored(&self, number: usize) -> (Value, u64) {
        let export = self.salver.export(&person(number)).await.unwrap();
        let counts = self.salver.inbox(&person(number)).counts().await.unwrap();
        (export, counts.unseen)
    }

    /// Checks the unseen, the unread and all notifications after a call has succeeded.
    async fn check(&self, call: Call, number: usize) {
        let counts = self.salver.inbox(&person(number)).counts().await.unwrap();
        let expected = match call {
            Call::Notify => (3, 3, 4),
            Call::NotifyTagged => (2, 2, 3),
            Call::MarkRead => (0, 0, 3),
            Call::MarkUnread => (3, 3, 3),
            Call::Archive | Call::Erase => (0, 0, 0),
            Call::MarkSeen => (0, 2, 3),
            Call::Retract => (1, 1, 2),
        };
        let counts = (counts.unseen, counts.unread, counts.total);
        assert_eq!(counts, expected, "{call:?}");
    }

    async fn refuse(&self, refusal: Refusal) {
        match refusal {
            Refusal::OutOfMemory => self.primary.set_config("maxmemory", "1"),
            Refusal::Replica => {}
            Refusal::FailedSnapshot => {
                self.primary.fail_snapshots().await;
            }
        }
    }

    async fn accept(&self, refusal: Refusal) {
        match refusal {
            Refusal::OutOfMemory => self.primary.set_config("maxmemory", "0"),
            Refusal::Replica => {
                let _: String = self.server().run(&[b"REPLICAOF", b"NO", b"ONE"]);
            }
            Refusal::FailedSnapshot => self.primary.set_config("save", ""),
        }
        eventually("the handle writes again", async || {
            let other = self.salver.erase(&person(CALLS.len())).await;
            other.ok()
        })
        .await;
    }
}

async fn replica_of(primary: &Server) -> Server {
    let port = primary.port.to_string();
    let options = [
        "--replicaof",
        "127.0.0.1",
        &port,
        "--repl-diskless-sync-delay",
        "0",
    ];
    let replica = Server::start_with(&options);
    replica.wait_for_info("master_link_status:up").await;
    replica
}
