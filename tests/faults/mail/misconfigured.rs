//! A worker with wrong settings is refused at its start, and one waits whose server may evict keys. Mails are sent as
//! soon as the settings are right.

use std::time::Duration;

use salver::jobs::Worker;
use salver::store::IssueKind;

use super::people::{self, KINDS, Received, mailer, report};
use super::renderers::notify;
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::smtp_server::SmtpServer;

/// What is wrong. Each has a person of each kind of mail.
const FAULTS: [&str; 3] = ["lease", "mailer", "eviction"];

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

    fn config(&self, name: &[u8], value: &[u8]) {
        let server = self.inboxes.server.as_ref().unwrap();
        let _: String = server.run(&[b"CONFIG", b"SET", name, value]);
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

    site.notify("eviction").await;
    site.config(b"maxmemory", b"1gb");
    site.config(b"maxmemory-policy", b"allkeys-lru");
    let logs = Logs::everywhere();
    let running = site.worker().start().unwrap();
    let is_logged = async || logs.text().contains("the server evicts keys").then_some(());
    eventually("the worker says why it waits", is_logged).await;
    let health = salver.health().await;
    let mut issues = health.issues().iter();
    assert!(issues.any(|issue| issue.kind() == IssueKind::EvictionEnabled));
    site.assert_waiting("eviction").await;
    site.config(b"maxmemory-policy", b"noeviction");
    let deliveries = salver.deliveries();
    let is_done = async || (deliveries.counts().await.unwrap() == Default::default()).then_some(());
    eventually("the worker begins", is_done).await;
    running.stop().await;

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
        "refused=2 waited=1".to_owned(),
    );
}
