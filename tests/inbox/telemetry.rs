//! Metrics of inboxes, and what never appears in logs, errors and metrics.

use salver::{InboxFilter, Message, MessageId, Notification, ReadState, Recipient};
use time::OffsetDateTime;

use crate::support::inboxes::{Inboxes, ada, note};
use crate::support::logs::Logs;
use crate::support::metrics::RecordedMetrics;

/// Part of every text, field and recipient.
const CANARY: &str = "cAnArY";

#[tokio::test]
async fn metrics_count_added_displaced_and_ignored_notifications() {
    let metrics = RecordedMetrics::start();
    let inboxes = Inboxes::redis();
    let [earlier, later] = [1, 2].map(|step| {
        let id = MessageId::for_job_step(OffsetDateTime::UNIX_EPOCH, "test", step);
        Notification::new("test", Message::info("x").tag("t").with_id(id))
    });
    inboxes.notify(later.clone()).await;
    inboxes.notify(earlier).await;
    inboxes.notify(later.clone()).await;
    inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
    inboxes.notify(later).await;
    for number in 0..101 {
        inboxes.notify(note(&number.to_string()).group("g")).await;
    }
    assert_eq!(metrics.sum("salver_notified_total"), 102);
    assert_eq!(metrics.sum("salver_displaced_notifications_total"), 1);
    assert_eq!(metrics.sum("salver_ignored_notifications_total"), 3);
    assert!(metrics.sum("salver_store_call_duration_seconds") < 60);
    assert!(metrics.values("salver_store_call_duration_seconds").len() >= 106);
}

#[tokio::test]
async fn content_and_recipients_never_appear_in_logs_errors_or_metrics() {
    let logs = Logs::everywhere();
    let metrics = RecordedMetrics::start();
    let mut inboxes = Inboxes::redis();
    let recipient = Recipient::user(CANARY);
    let note = || {
        let message = Message::info(format!("{CANARY} text"))
            .title(CANARY)
            .tag(CANARY)
            .data(CANARY);
        let note = Notification::new("test", message.action(CANARY, format!("/{CANARY}")));
        note.subject(CANARY)
            .group(CANARY)
            .actor(&ada(), CANARY)
            .for_actor(Message::info(CANARY))
    };
    let salver = inboxes.salver.clone();
    let inbox = salver.inbox(&recipient);
    let filter = InboxFilter::all().text(CANARY).subject(CANARY);
    salver.notify([recipient.clone()], note()).await.unwrap();
    let page = inbox.list(&filter, None).await.unwrap();
    assert_eq!(page.rows[0].actors, [CANARY]);
    tracing::info!(?page, ?filter, ?recipient, ?inbox, note = ?note(), "printed");
    for is_stopped in [false, true] {
        if is_stopped {
            inboxes.server.as_mut().unwrap().kill();
        }
        let invalid = note().subject(format!("{CANARY}\n"));
        let outcomes = [
            salver.notify([recipient.clone()], note()).await.err(),
            salver.notify([recipient.clone()], invalid).await.err(),
            inbox.list(&filter, None).await.err(),
            inbox.list(&filter, Some(CANARY)).await.err(),
            inbox.counts().await.err(),
            inbox.mark(&filter, ReadState::Read).await.err(),
            inbox.mark_seen().await.err(),
            inbox.retract(&filter).await.err(),
            salver.export(&recipient).await.err(),
            salver.erase(&recipient).await.err(),
        ];
        let failed = outcomes.iter().flatten().count();
        assert!(failed >= if is_stopped { 9 } else { 2 }, "{outcomes:?}");
        for error in outcomes.into_iter().flatten() {
            tracing::error!(%error, debug = ?error, "error");
        }
    }
    let text = logs.text();
    assert!(
        text.contains("operation=\"notify\""),
        "the log contains no spans"
    );
    let metrics = format!("{metrics:?}");
    for line in text.lines().chain([metrics.as_str()]) {
        // A filter has its text in lower case.
        assert!(
            !line.to_lowercase().contains(&CANARY.to_lowercase()),
            "{line}"
        );
    }
}
