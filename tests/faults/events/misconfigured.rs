//! A worker with a wrong setting is refused at its start, and one waits whose server may evict keys, or has the jobs in
//! other partitions. Events are fanned out as soon as that is right.

use std::time::{Duration, Instant};

use salver::Salver;
use salver::store::IssueKind;

use super::scene::{edit, inboxes, report, subscribe, verdict, wait_until_done};
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::redis::Server;

const PEOPLE: usize = 20;

/// What makes a worker wait: the command that causes it, and the one that ends it.
pub struct Fault {
    reason: &'static str,
    kind: IssueKind,
    cause: &'static [&'static str],
    end: &'static [&'static str],
}

pub const FAULTS: [Fault; 2] = [
    Fault {
        reason: "the server evicts keys",
        kind: IssueKind::EvictionEnabled,
        cause: &[
            "CONFIG",
            "SET",
            "maxmemory",
            "1gb",
            "maxmemory-policy",
            "allkeys-lru",
        ],
        end: &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
    },
    Fault {
        reason: "the jobs are in 16 partitions, and this process uses 1",
        kind: IssueKind::PartitionMismatch,
        cause: &["HSET", "app!partitions", "jobs", "16"],
        end: &["HSET", "app!partitions", "jobs", "1"],
    },
];

impl Fault {
    pub fn begin(&self, server: &Server) {
        command(server, self.cause);
    }

    pub fn end(&self, server: &Server) {
        command(server, self.end);
    }

    /// Waits until a worker and the health say why one job waits.
    pub async fn assert_waiting(&self, salver: &Salver, logs: &Logs) {
        let line = format!("reason={}", self.reason);
        let is_logged = async || logs.text().contains(&line).then_some(());
        eventually("the worker says why it waits", is_logged).await;
        let health = salver.health().await;
        let mut issues = health.issues().iter();
        assert!(issues.any(|issue| issue.kind() == self.kind), "{line}");
        let due = salver.deliveries().counts().await.unwrap().due;
        assert_eq!(due, 1, "{line}");
    }
}

fn command(server: &Server, words: &[&str]) {
    let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
    let _: redis::Value = server.run(&words);
}

#[tokio::test]
async fn wrong_settings_delay_fan_outs_until_they_are_right() {
    let scene = Inboxes::redis();
    let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
    subscribe(salver, 0..PEOPLE).await;
    salver.publish(edit(0)).await.unwrap();
    let second = Duration::from_secs(1);
    let short_lease = || {
        salver
            .worker()
            .events()
            .attempt_timeout(second)
            .lease(second)
    };
    assert!(short_lease().start().unwrap_err().is_misconfigured());
    assert!(short_lease().drain().await.unwrap_err().is_misconfigured());
    assert_eq!(inboxes(server), (0, 0));
    salver.worker().events().drain().await.unwrap();

    let (logs, mut recovery) = (Logs::everywhere(), Duration::ZERO);
    for (number, fault) in FAULTS.iter().enumerate() {
        fault.begin(server);
        salver.publish(edit(number + 1)).await.unwrap();
        let running = salver.worker().events().start().unwrap();
        fault.assert_waiting(salver, &logs).await;
        assert_eq!(inboxes(server).1, PEOPLE * (number + 1));
        fault.end(server);
        let ended = Instant::now();
        wait_until_done(salver).await;
        recovery = recovery.max(ended.elapsed());
        running.stop().await;
    }
    let verdict = verdict(salver, 0..PEOPLE, 0..FAULTS.len() + 1).await;
    let more = format!("refused=1 waited={}", FAULTS.len());
    report(
        "events_misconfigured",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}
