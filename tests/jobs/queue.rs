//! The queue: when a job is attempted, and what becomes of it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use salver::Salver;
use salver::jobs::{Delivery, DeliveryState, TestOutcome, Worker};
use salver::store::RedisStore;
use tokio::sync::Notify;

use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::proxy::{Fault, Proxy};

/// The lease of a worker, by default.
const LEASE: Duration = Duration::from_secs(150);
/// Longer than the delay before any further attempt.
const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60 * 60);

/// The names of the performed jobs.
type Performed = Arc<Mutex<Vec<String>>>;

/// Returns a worker whose attempts end like this.
fn worker(jobs: &Inboxes, outcome: TestOutcome) -> (Worker, Performed) {
    let performed = Performed::default();
    let record = Arc::clone(&performed);
    let worker = jobs.salver.worker().test_jobs(move |task| {
        record
            .lock()
            .unwrap()
            .push(task.as_str().unwrap().to_owned());
        async move { outcome }.boxed()
    });
    (worker, performed)
}

/// A worker that dies in each attempt.
struct DyingWorker {
    worker: Worker,
    attempts: Arc<AtomicUsize>,
    died: Arc<Notify>,
}

impl DyingWorker {
    fn new(jobs: &Inboxes) -> Self {
        let (attempts, died) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counter, dies) = (Arc::clone(&attempts), Arc::clone(&died));
        let worker = jobs.salver.worker().test_jobs(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            dies.notify_one();
            std::future::pending().boxed()
        });
        Self {
            worker,
            attempts,
            died,
        }
    }

    /// Performs jobs until one kills the worker. Returns the number of attempts if none does.
    async fn drain(&self) -> Option<u64> {
        tokio::select! {
            drained = self.worker.drain() => Some(drained.unwrap()),
            () = self.died.notified() => None,
        }
    }
}

async fn enqueue(jobs: &Inboxes, names: &[&str]) {
    let names = names.iter().map(|name| (*name).to_owned());
    jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
}

async fn listed(jobs: &Inboxes, state: DeliveryState) -> Vec<Delivery> {
    jobs.salver.deliveries().list(state, None).await.unwrap()
}

crate::inbox_tests! {
    async fn job_is_performed_once(jobs: Inboxes, clock) {
        let (worker, performed) = worker(&jobs, TestOutcome::Done);
        enqueue(&jobs, &["one", "two", "one"]).await;
        enqueue(&jobs, &["one"]).await;
        assert_eq!(worker.drain().await.unwrap(), 2);
        let mut names = performed.lock().unwrap().clone();
        names.sort();
        assert_eq!(names, ["one", "two"]);
        // Its id is remembered.
        enqueue(&jobs, &["one"]).await;
        assert_eq!(worker.drain().await.unwrap(), 0);
        assert_eq!(jobs.salver.deliveries().counts().await.unwrap(), Default::default());
    }

    async fn job_waits_for_its_time(jobs: Inboxes, clock) {
        const DELAY: Duration = Duration::from_secs(60 * 60);
        let (worker, _) = worker(&jobs, TestOutcome::Done);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = (now + DELAY).as_millis() as u64;
        let names = ["later".to_owned()];
        jobs.salver.enqueue_test_jobs(names, time).await.unwrap();
        jobs.advance(DELAY - Duration::from_secs(10));
        assert_eq!(worker.drain().await.unwrap(), 0);
        assert_eq!(listed(&jobs, DeliveryState::Waiting).await[0].time, time);
        jobs.advance(Duration::from_secs(20));
        assert_eq!(worker.drain().await.unwrap(), 1);
    }

    /// A job that fails is attempted nine times, ever later. Then an operator decides.
    async fn failed_job_is_attempted_again_until_it_is_dead(jobs: Inboxes, clock) {
        let (failing, performed) = worker(&jobs, TestOutcome::Failed);
        enqueue(&jobs, &["one"]).await;
        assert_eq!(failing.drain().await.unwrap(), 1);
        let waiting = listed(&jobs, DeliveryState::Waiting).await;
        assert_eq!(waiting[0].attempts.len(), 1);
        assert_eq!(waiting[0].attempts[0].error, "failed");
        let delay = waiting[0].time - waiting[0].attempts[0].at;
        assert!((4_000..7_000).contains(&delay), "{delay} ms");
        jobs.advance(Duration::from_secs(3));
        assert_eq!(failing.drain().await.unwrap(), 0);
        for _ in 0..20 {
            jobs.advance(LONGEST_DELAY);
            failing.drain().await.unwrap();
        }
        assert_eq!(performed.lock().unwrap().len(), 9);
        assert!(listed(&jobs, DeliveryState::Waiting).await.is_empty());
        let dead = listed(&jobs, DeliveryState::Dead).await;
        assert_eq!(dead[0].attempts.len(), 9);

        let deliveries = jobs.salver.deliveries();
        assert!(deliveries.retry(&dead[0].id).await.unwrap());
        // Its schedule begins anew.
        assert_eq!(failing.drain().await.unwrap(), 1);
        let waiting = listed(&jobs, DeliveryState::Waiting).await;
        assert_eq!(waiting[0].attempts.len(), 10);
        assert!(deliveries.retry(&dead[0].id).await.unwrap());
        let (succeeding, performed) = worker(&jobs, TestOutcome::Done);
        assert_eq!(succeeding.drain().await.unwrap(), 1);
        assert_eq!(performed.lock().unwrap()[..], ["one"]);
        assert!(!deliveries.retry(&dead[0].id).await.unwrap());
    }

    async fn job_that_cannot_succeed_is_dead_at_once(jobs: Inboxes, clock) {
        let (worker, _) = worker(&jobs, TestOutcome::Dead);
        enqueue(&jobs, &["one"]).await;
        assert_eq!(worker.drain().await.unwrap(), 1);
        let dead = listed(&jobs, DeliveryState::Dead).await;
        assert_eq!(dead[0].attempts[0].error, "dead");
        assert_eq!(jobs.salver.deliveries().counts().await.unwrap().dead, 1);
    }

    /// While nothing of a queue can succeed, an attempt counts as none.
    async fn attempt_counts_as_none_while_the_channel_is_unavailable(jobs: Inboxes, clock) {
        let (resting, _) = worker(&jobs, TestOutcome::Unavailable);
        enqueue(&jobs, &["one"]).await;
        for _ in 0..20 {
            assert_eq!(resting.drain().await.unwrap(), 1);
        }
        let waiting = listed(&jobs, DeliveryState::Waiting).await;
        assert!(waiting[0].attempts.is_empty());
        let (worker, _) = worker(&jobs, TestOutcome::Done);
        assert_eq!(worker.drain().await.unwrap(), 1);
    }

    /// A job whose worker dies is attempted again when its lease ends. If it kills every worker, it is dead.
    async fn job_of_a_worker_that_died_is_attempted_again(jobs: Inboxes, clock) {
        let dying = DyingWorker::new(&jobs);
        enqueue(&jobs, &["one"]).await;
        for attempts in 1..=5 {
            assert_eq!(dying.drain().await, None);
            assert_eq!(dying.attempts.load(Ordering::SeqCst), attempts);
            assert_eq!(listed(&jobs, DeliveryState::Leased).await.len(), 1);
            jobs.advance(LEASE - Duration::from_secs(10));
            assert_eq!(dying.drain().await, Some(0));
            jobs.advance(Duration::from_secs(11));
        }
        // It is not attempted again, but recorded as dead.
        assert_eq!(dying.drain().await, Some(1));
        let dead = listed(&jobs, DeliveryState::Dead).await;
        assert_eq!(dead[0].attempts[0].error, "no attempt ended: each worker died");
        assert_eq!(dying.attempts.load(Ordering::SeqCst), 5);
    }

    /// Jobs that may have ended their workers are attempted one at a time, and hold up no others, however many they are.
    async fn jobs_behind_those_that_may_kill_workers_are_performed(jobs: Inboxes, clock) {
        // More than one claim looks at.
        const WORKERS_JOBS: usize = 600;
        let deliveries = jobs.salver.deliveries();
        let names = (0..WORKERS_JOBS).map(|number| format!("suspect {number}"));
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        for _ in 0..2 {
            let hanging = jobs.salver.worker().test_jobs(|_| std::future::pending().boxed());
            let running = hanging.concurrency(1_000).start().unwrap();
            let all = async || {
                let counts = deliveries.counts().await.unwrap();
                (counts.later == WORKERS_JOBS as u64).then_some(())
            };
            eventually("all are attempted", all).await;
            drop(running);
            jobs.advance(LEASE + Duration::from_secs(1));
        }
        enqueue(&jobs, &["one", "two", "three"]).await;
        let suspects = Arc::new(AtomicUsize::new(0));
        let (counter, performed) = (Arc::clone(&suspects), Performed::default());
        let record = Arc::clone(&performed);
        let worker = jobs.salver.worker().test_jobs(move |task| {
            let name = task.as_str().unwrap().to_owned();
            if name.starts_with("suspect") {
                counter.fetch_add(1, Ordering::SeqCst);
                return std::future::pending().boxed();
            }
            record.lock().unwrap().push(name);
            async { TestOutcome::Done }.boxed()
        });
        let _running = worker.concurrency(4).start().unwrap();
        let all = async || (performed.lock().unwrap().len() == 3).then_some(());
        eventually("the others are performed", all).await;
        assert_eq!(suspects.load(Ordering::SeqCst), 1);
    }

    /// A job whose attempts panic, in a template of the site for example, is dead after as many.
    async fn job_that_panics_is_dead_after_five_attempts(jobs: Inboxes, clock) {
        let worker = jobs.salver.worker().test_jobs(|_| async { panic!("a bug") }.boxed());
        enqueue(&jobs, &["one"]).await;
        for attempts in 1..=5 {
            assert_eq!(worker.drain().await.unwrap(), 1, "{attempts}");
            jobs.advance(Duration::from_secs(60 * 60));
        }
        assert_eq!(worker.drain().await.unwrap(), 0);
        let dead = listed(&jobs, DeliveryState::Dead).await;
        let errors: Vec<_> = dead[0].attempts.iter().map(|attempt| attempt.error.as_str()).collect();
        assert_eq!(errors, ["panicked"; 5]);
    }

    /// A worker that fails after its lease has ended: another one has the job by then.
    async fn late_failure_of_a_slow_worker_changes_nothing(jobs: Inboxes, clock) {
        enqueue(&jobs, &["one"]).await;
        let (begun, slow) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begin, wait) = (Arc::clone(&begun), Arc::clone(&slow));
        let slow_worker = jobs.salver.worker().test_jobs(move |_| {
            let (begin, wait) = (Arc::clone(&begin), Arc::clone(&wait));
            async move {
                begin.notify_one();
                wait.notified().await;
                TestOutcome::Failed
            }
            .boxed()
        });
        let running = slow_worker.concurrency(1).start().unwrap();
        begun.notified().await;
        jobs.advance(LEASE + Duration::from_secs(1));
        assert_eq!(DyingWorker::new(&jobs).drain().await, None);
        let leased = listed(&jobs, DeliveryState::Leased).await[0].time;
        slow.notify_one();
        running.stop().await;
        assert_eq!(listed(&jobs, DeliveryState::Leased).await[0].time, leased);
    }

    async fn cancelled_job_is_not_performed(jobs: Inboxes, clock) {
        let (worker, _) = worker(&jobs, TestOutcome::Done);
        enqueue(&jobs, &["one"]).await;
        let id = listed(&jobs, DeliveryState::Waiting).await[0].id.clone();
        let deliveries = jobs.salver.deliveries();
        assert!(deliveries.cancel(&id).await.unwrap());
        assert!(!deliveries.cancel(&id).await.unwrap());
        enqueue(&jobs, &["one"]).await;
        assert_eq!(worker.drain().await.unwrap(), 0);
        assert!(deliveries.cancel("no id").await.unwrap_err().is_invalid());
    }

    /// The place from which a page goes on is a time and an id, whether the job is still there or not.
    async fn page_after_a_job_that_has_left_skips_none(jobs: Inboxes, clock) {
        const JOBS: usize = 350;
        let names = (0..JOBS).map(|number| number.to_string());
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        let deliveries = jobs.salver.deliveries();
        let (mut ids, mut last) = (HashSet::new(), None::<Delivery>);
        loop {
            let page = deliveries.list(DeliveryState::Waiting, last.as_ref()).await.unwrap();
            ids.extend(page.iter().map(|delivery| delivery.id.clone()));
            last = page.last().cloned();
            let Some(last) = &last else { break };
            match ids.len() {
                100 => assert!(deliveries.cancel(&last.id).await.unwrap()),
                // It has a later time than the others then.
                200 => {
                    jobs.advance(Duration::from_secs(1));
                    assert!(deliveries.retry(&last.id).await.unwrap());
                }
                _ => {}
            }
        }
        assert_eq!(ids.len(), JOBS);
    }

    async fn pages_of_deliveries_have_each_once(jobs: Inboxes, clock) {
        const JOBS: usize = 250;
        let names = (0..JOBS).map(|number| number.to_string());
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        let (mut ids, mut last) = (HashSet::new(), None::<Delivery>);
        loop {
            let deliveries = jobs.salver.deliveries();
            let page = deliveries.list(DeliveryState::Waiting, last.as_ref()).await;
            let page = page.unwrap();
            assert!(page.len() <= 100);
            for delivery in &page {
                assert!(ids.insert(delivery.id.clone()), "listed twice");
            }
            last = page.last().cloned();
            if last.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), JOBS);
    }

    async fn full_queue_refuses_jobs(jobs: Inboxes, clock) {
        for thousands in 0..100 {
            let names = (0..1_000).map(|number| format!("{thousands}.{number}"));
            jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        }
        let more = jobs.salver.enqueue_test_jobs(["more".to_owned()], 0).await;
        assert!(more.unwrap_err().is_full());
        // A repeat adds nothing, so there is room for it.
        enqueue(&jobs, &["0.0"]).await;
    }
}

/// The reply to a change comes too late, and that to its repeat counts nothing.
#[tokio::test]
async fn delivery_that_was_changed_without_a_reply_is_found() {
    const CALL_TIMEOUT: Duration = Duration::from_secs(2);
    // Longer than the first attempt waits, and shorter than the rest of the timeout.
    const DELAY: Duration = Duration::from_millis(900);
    let jobs = Inboxes::redis();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let later = (now + LONGEST_DELAY).as_millis() as u64;
    let names = ["one".to_owned()];
    jobs.salver.enqueue_test_jobs(names, later).await.unwrap();
    let id = listed(&jobs, DeliveryState::Waiting).await[0].id.clone();
    let proxy = Proxy::start(jobs.server.as_ref().unwrap().port);
    let store = RedisStore::new(&proxy.url()).unwrap();
    let salver = Salver::builder("app").store(store);
    let salver = salver.call_timeout(CALL_TIMEOUT).build().unwrap();
    proxy.set(Fault::DelayText("replayed", DELAY));
    assert!(salver.deliveries().retry(&id).await.unwrap());
    proxy.set(Fault::DelayText("finished", DELAY));
    assert!(salver.deliveries().cancel(&id).await.unwrap());
    assert!(!salver.deliveries().cancel(&id).await.unwrap());
}
