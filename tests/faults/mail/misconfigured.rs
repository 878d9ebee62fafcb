//! A worker with wrong settings is refused at its start, and one waits whose server may evict keys, or has the jobs in
//! other partitions. Mails are sent as soon as that is right.

use std::time::Duration;

use salver::jobs::{RunningWorker, Worker};
use salver::store::IssueKind;

use super::people::{self, KINDS, Received, mailer, report};
use super::renderers::notify;
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

/// What is wrong. Each has a person of each kind of mail.
const FAULTS: [&str; 4] = ["lease", "mailer", "eviction", "partitions"];

struct Site {
    inboxes: Inboxes,
    smtp: SmtpServer,
}

impl Site {
    fn worker(&self) -> Worker {
        people::worker(&self.inboxes.salver, mailer(&self.smtp), str::to_owned)
    }

    /// Notifies the people of a fault. Their mails are due afterwards.
    async fn notify(&self, fault: &str) {
        let ids = KINDS.map(|kind| format!("{kind}-{fault}"));
        notify(&self.inboxes, &ids, &self.worker()).await;
        self.assert_waiting(fault).await;
    }

    /// Panics unless the mails to the people of a fault wait.
    async fn assert_waiting(&self, fault: &str) {
        let counts = self.inboxes.salver.deliveries().counts().await.unwrap();
        assert_eq!(
            (counts.due, counts.later),
            (KINDS.len() as u64, 0),
            "{fault}"
        );
        assert!(!self.is_mailed(fault), "{fault}");
    }

    fn is_mailed(&self, fault: &str) -> bool {
        let received = Received::from(&self.smtp);
        KINDS
            .iter()
            .any(|kind| !received.of(&format!("{kind}-{fault}")).is_empty())
    }

    fn server(&self) -> &Server {
        self.inboxes.server.as_ref().unwrap()
    }

    fn command(&self, command: &[&[u8]]) {
        let _: String = self.server().run(command);
    }

    /// Panics unless a worker and the health say why it waits, and it does.
    async fn assert_worker_waits(&self, fault: &str, kind: IssueKind, reason: &str, logs: &Logs) {
        let line = format!("reason={reason}");
        let is_logged = async || logs.text().contains(&line).then_some(());
        eventually("the worker says why it waits", is_logged).await;
        let health = self.inboxes.salver.health().await;
        let mut issues = health.issues().iter();
        assert!(issues.any(|issue| issue.kind() == kind), "{fault}");
        self.assert_waiting(fault).await;
    }

    async fn stop_when_done(&self, running: RunningWorker) {
        let deliveries = self.inboxes.salver.deliveries();
        let is_done = async || {
            let counts = deliveries.counts().await.unwrap();
            (counts == Default::default()).then_some(())
        };
        eventually("the worker begins", is_done).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn wrong_settings_delay_mails_until_they_are_right() {
    let inboxes = Inboxes::redis_with_clock_and(people::settings);
    let site = Site {
        inboxes,
        smtp: SmtpServer::start(),
    };
    let salver = &site.inboxes.salver;
    let short_lease = || {
        let second = Duration::from_secs(1);
        site.worker().attempt_timeout(second).lease(second)
    };
    let no_mailer = || salver.worker();
    let refused: [(&str, &dyn Fn() -> Worker); 2] =
        [("lease", &short_lease), ("mailer", &no_mailer)];
    for (fault, worker) in refused {
        site.notify(fault).await;
        assert!(worker().start().unwrap_err().is_misconfigured(), "{fault}");
        assert!(
            worker().drain().await.unwrap_err().is_misconfigured(),
            "{fault}"
        );
        site.assert_waiting(fault).await;
        site.worker().drain().await.unwrap();
    }

    let logs = Logs::everywhere();
    site.notify("eviction").await;
    site.command(&[b"CONFIG", b"SET", b"maxmemory", b"1gb"]);
    site.command(&[b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lru"]);
    let running = site.worker().start().unwrap();
    let kind = IssueKind::EvictionEnabled;
    site.assert_worker_waits("eviction", kind, "the server evicts keys", &logs)
        .await;
    site.command(&[b"CONFIG", b"SET", b"maxmemory-policy", b"noeviction"]);
    site.stop_when_done(running).await;

    site.notify("partitions").await;
    let stored: String = site.server().run(&[b"HGET", b"app!partitions", b"jobs"]);
    assert_eq!(stored, "1");
    // As if the jobs were those of a Cluster.
    let _: u64 = site
        .server()
        .run(&[b"HSET", b"app!partitions", b"jobs", b"16"]);
    let running = site.worker().start().unwrap();
    let kind = IssueKind::PartitionMismatch;
    let reason = "the jobs are in 16 partitions, and this process uses 1";
    site.assert_worker_waits("partitions", kind, reason, &logs)
        .await;
    let _: u64 = site
        .server()
        .run(&[b"HSET", b"app!partitions", b"jobs", b"1"]);
    site.stop_when_done(running).await;

    let received = Received::from(&site.smtp);
    let mut verdict = received.verdict(FAULTS.len() * KINDS.len());
    for fault in FAULTS {
        for kind in KINDS {
            received.expect_one(&format!("{kind}-{fault}"), &mut verdict);
        }
    }
    report(
        "mail_misconfigured",
        verdict,
        0,
        "refused=2 waited=2".to_owned(),
    );
}
