//! What the health of a site says about its jobs and workers.

use std::time::Duration;

use futures_util::FutureExt;
use salver::jobs::{TestOutcome, Worker};
use salver::store::IssueKind;
use tokio::sync::watch;

use crate::support::eventually;
use crate::support::inboxes::Inboxes;

const MINUTE: Duration = Duration::from_secs(60);
const ABOUT_JOBS: [IssueKind; 4] = [
    IssueKind::NoWorker,
    IssueKind::JobsOverdue,
    IssueKind::DeadJobs,
    IssueKind::MailResting,
];

/// Returns the issues of jobs, as texts.
async fn issues(jobs: &Inboxes) -> Vec<String> {
    let health = jobs.salver.health().await;
    let about_jobs = health.issues().iter();
    let about_jobs = about_jobs.filter(|issue| ABOUT_JOBS.contains(&issue.kind()));
    about_jobs
        .map(|issue| format!("{}: {}", issue.kind().name(), issue.detail()))
        .collect()
}

fn worker(jobs: &Inboxes) -> Worker {
    jobs.salver.worker().test_jobs(|task| {
        let outcome = match task.as_str() {
            Some("dead") => TestOutcome::Dead,
            Some("unavailable") => TestOutcome::Unavailable,
            _ => TestOutcome::Done,
        };
        async move { outcome }.boxed()
    })
}

async fn enqueue(jobs: &Inboxes, name: &str) {
    jobs.salver
        .enqueue_test_jobs([name.to_owned()], 0)
        .await
        .unwrap();
}

crate::inbox_tests! {
    async fn missing_worker_and_dead_jobs_are_issues(jobs: Inboxes) {
        assert_eq!(issues(&jobs).await, [""; 0]);
        enqueue(&jobs, "dead").await;
        assert_eq!(issues(&jobs).await, ["no_worker: 1 job waits, and no worker runs"]);
        let running = worker(&jobs).start().unwrap();
        let is_dead = async || {
            let issues = issues(&jobs).await;
            (issues == ["dead_jobs: 1 job has failed for good"]).then_some(())
        };
        eventually("the worker has tried", is_dead).await;
        running.stop().await;
        enqueue(&jobs, "waits").await;
        // A worker that has stopped is missed at once.
        assert_eq!(issues(&jobs).await.len(), 2);
    }

    async fn job_that_waits_although_workers_run_is_an_issue(jobs: Inboxes, clock) {
        for name in ["one", "two", "three"] {
            enqueue(&jobs, name).await;
        }
        let hanging = || {
            let worker = jobs.salver.worker().test_jobs(|_| std::future::pending().boxed());
            worker.concurrency(1).start().unwrap()
        };
        let deliveries = jobs.salver.deliveries();
        jobs.advance(9 * MINUTE);
        let first = hanging();
        // A worker reports itself while it claims its first job.
        let has_begun = async || {
            let due = deliveries.counts().await.unwrap().due;
            (due == 2 && issues(&jobs).await.is_empty()).then_some(())
        };
        eventually("one attempt has begun, and nothing is wrong", has_begun).await;
        drop(first);
        jobs.advance(2 * MINUTE);
        let _second = hanging();
        let is_overdue = async || {
            let issues = issues(&jobs).await;
            (issues == ["jobs_overdue: the oldest due job has waited for 11 minutes"]).then_some(())
        };
        eventually("the third job is overdue", is_overdue).await;
        assert!(deliveries.counts().await.unwrap().latency_ms >= 660_000);
    }

    async fn queue_rests_although_an_earlier_attempt_ends_later(jobs: Inboxes) {
        for name in ["unavailable", "slow"] {
            enqueue(&jobs, name).await;
        }
        let (end, ended) = watch::channel(false);
        let worker = jobs.salver.worker().test_jobs(move |task| {
            let mut ended = ended.clone();
            async move {
                if task.as_str() == Some("unavailable") {
                    return TestOutcome::Unavailable;
                }
                ended.wait_for(|is_ended| *is_ended).await.unwrap();
                TestOutcome::Done
            }
            .boxed()
        });
        let running = worker.start().unwrap();
        let rests = "mail_resting: the queue `test` rests: unavailable";
        let is_resting = async || (issues(&jobs).await == [rests]).then_some(());
        eventually("the queue rests", is_resting).await;
        end.send(true).unwrap();
        let deliveries = jobs.salver.deliveries();
        let is_done = async || {
            let counts = deliveries.counts().await.unwrap();
            (counts.due + counts.later == 1).then_some(())
        };
        eventually("the slow job is done", is_done).await;
        assert_eq!(issues(&jobs).await, [rests]);
        running.stop().await;
    }

    async fn resting_queue_is_an_issue(jobs: Inboxes) {
        enqueue(&jobs, "unavailable").await;
        let running = worker(&jobs).start().unwrap();
        let rests = async || {
            let issues = issues(&jobs).await;
            issues.iter().any(|issue| issue == "mail_resting: the queue `test` rests: unavailable").then_some(())
        };
        eventually("the queue rests", rests).await;
        running.stop().await;
    }
}
