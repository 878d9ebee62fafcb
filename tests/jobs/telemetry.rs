//! The metrics of jobs and of digests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use salver::jobs::TestOutcome;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Recipient};

use crate::support::inboxes::{Inboxes, note};
use crate::support::metrics::RecordedMetrics;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn metrics_say_what_waits_failed_and_was_attempted() {
    let metrics = RecordedMetrics::start();
    let jobs = Inboxes::memory();
    let names = ["dead", "done", "waits"].map(str::to_owned);
    jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
    jobs.advance(MINUTE);
    let worker = jobs.salver.worker().test_jobs(|task| {
        let outcome = match task.as_str() {
            Some("dead") => TestOutcome::Dead,
            _ => TestOutcome::Done,
        };
        async move { outcome }.boxed()
    });
    assert_eq!(worker.concurrency(1).drain().await.unwrap(), 3);
    assert_eq!(
        metrics.values("salver_job_attempt_duration_seconds").len(),
        3
    );
    // Before the second, before the third, and in the end: leased jobs wait too.
    let waiting = metrics.values("salver_waiting_jobs");
    assert_eq!((waiting[0], *waiting.last().unwrap()), (3.0, 0.0));
    assert_eq!(metrics.values("salver_dead_jobs").last(), Some(&1.0));
    let latency = metrics.values("salver_job_latency_seconds");
    assert!((60.0..70.0).contains(&latency[0]), "{latency:?}");
    assert_eq!(latency.last(), Some(&0.0));
}

#[tokio::test]
async fn metric_says_when_the_last_digest_was_sent() {
    let metrics = RecordedMetrics::start();
    let inboxes =
        Inboxes::memory_with(|builder| builder.default_cadence("*", Cadence::Daily { hour: 8 }));
    let worker = inboxes.salver.worker().mail(Mailer::memory());
    let worker = worker.profiles(|who: Vec<Recipient>| async {
        let profile = |who| Profile::new(who).email("ada@example.org");
        Ok::<_, Error>(who.into_iter().map(profile).collect())
    });
    inboxes.notify(note("one")).await;
    worker.drain().await.unwrap();
    assert_eq!(
        metrics.values("salver_last_digest_timestamp_seconds"),
        [0.0; 0]
    );
    inboxes.advance(2 * DAY);
    worker.drain().await.unwrap();
    let sent = metrics.values("salver_last_digest_timestamp_seconds");
    let now = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + 2 * DAY).as_secs_f64();
    assert_eq!(sent.len(), 1);
    assert!((now - sent[0]).abs() < 60.0, "{sent:?}");
}
