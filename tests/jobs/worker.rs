//! A worker on its own thread, and its settings.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use salver::Salver;
use salver::jobs::{DeliveryState, RunningWorker, TestOutcome, Worker};
use salver::store::RedisStore;
use tokio::sync::Notify;

use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::proxy::{Fault, Proxy};

/// Longer than the test: what happens within it happens without a poll.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Returns a worker whose attempts take this long, and the number of those that have ended.
fn worker(jobs: &Inboxes, duration: Duration) -> (Worker, Arc<AtomicUsize>) {
    let ended = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ended);
    let worker = jobs.salver.worker().test_jobs(move |_| {
        let counter = Arc::clone(&counter);
        async move {
            tokio::time::sleep(duration).await;
            counter.fetch_add(1, Ordering::SeqCst);
            TestOutcome::Done
        }
        .boxed()
    });
    (worker, ended)
}

crate::inbox_tests! {
    async fn new_job_wakes_an_idle_worker(jobs: Inboxes) {
        let (worker, ended) = worker(&jobs, Duration::ZERO);
        let running = worker.poll_interval(POLL_INTERVAL).start().unwrap();
        for number in 0..5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let started = Instant::now();
            jobs.salver.enqueue_test_jobs([number.to_string()], 0).await.unwrap();
            let performed = async || (ended.load(Ordering::SeqCst) == number + 1).then_some(());
            eventually("the job is performed", performed).await;
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        }
        running.stop().await;
    }

    async fn stop_waits_for_attempts_and_leaves_the_rest(jobs: Inboxes) {
        let names = (0..10).map(|number| number.to_string());
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        let (worker, ended) = worker(&jobs, Duration::from_secs(1));
        let running = worker.concurrency(3).start().unwrap();
        let deliveries = jobs.salver.deliveries();
        let have_begun = async || (deliveries.counts().await.unwrap().later == 3).then_some(());
        eventually("three attempts have begun", have_begun).await;
        running.stop().await;
        assert_eq!(ended.load(Ordering::SeqCst), 3);
        let counts = deliveries.counts().await.unwrap();
        assert_eq!((counts.due, counts.later), (7, 0));
    }

    async fn stopping_worker_records_what_ends_before_the_slowest_attempt(jobs: Inboxes) {
        let names = ["quick", "slow"].map(str::to_owned);
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        let [quick, slow] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let (release_quick, release_slow) = (Arc::clone(&quick), Arc::clone(&slow));
        let worker = jobs.salver.worker().test_jobs(move |task| {
            let wait = match task.as_str() {
                Some("quick") => Arc::clone(&quick),
                _ => Arc::clone(&slow),
            };
            async move {
                wait.notified().await;
                TestOutcome::Done
            }
            .boxed()
        });
        let running = worker.start().unwrap();
        let deliveries = jobs.salver.deliveries();
        let leased = async |number| {
            let counts = deliveries.counts().await.unwrap();
            (counts.later == number).then_some(())
        };
        eventually("both attempts have begun", async || leased(2).await).await;
        let stopped = tokio::spawn(running.stop());
        release_quick.notify_one();
        eventually("the one that has ended is recorded", async || leased(1).await).await;
        release_slow.notify_one();
        stopped.await.unwrap();
        assert_eq!(deliveries.counts().await.unwrap(), Default::default());
    }

    async fn jobs_that_end_together_are_recorded_in_one_call(jobs: Inboxes) {
        let names = (0..100).map(|number| number.to_string());
        jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
        let (worker, _) = worker(&jobs, Duration::ZERO);
        let before = jobs.salver.finished_calls();
        assert_eq!(worker.concurrency(50).drain().await.unwrap(), 100);
        // Two claims with their records, and two claims that find no more.
        assert_eq!(jobs.salver.finished_calls() - before, 6);
    }

    async fn attempt_ends_at_its_timeout(jobs: Inboxes) {
        jobs.salver.enqueue_test_jobs(["slow".to_owned()], 0).await.unwrap();
        let (worker, ended) = worker(&jobs, Duration::from_secs(60));
        let worker = worker.attempt_timeout(Duration::from_millis(50));
        assert_eq!(worker.drain().await.unwrap(), 1);
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        let waiting = jobs.salver.deliveries().list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!(waiting[0].attempts[0].error, "took too long");
    }
}

#[tokio::test]
async fn wrong_settings_are_refused_at_the_start() {
    const SECOND: Duration = Duration::from_secs(1);
    let jobs = Inboxes::memory();
    let worker = || worker(&jobs, Duration::ZERO).0;
    let longer = worker().attempt_timeout(10 * SECOND).lease(10 * SECOND);
    assert!(longer.start().unwrap_err().is_misconfigured());
    assert!(jobs.salver.worker().start().unwrap_err().is_misconfigured());
    for (wrong, field) in [
        (worker().concurrency(0), "concurrency"),
        (worker().concurrency(1_001), "concurrency"),
        (worker().lease(Duration::from_millis(999)), "lease"),
        (worker().lease(3_601 * SECOND), "lease"),
        (worker().attempt_timeout(Duration::ZERO), "attempt_timeout"),
        (worker().poll_interval(Duration::ZERO), "poll_interval"),
    ] {
        assert_eq!(wrong.start().unwrap_err().field(), Some(field));
    }
}

#[tokio::test]
async fn longest_timeout_of_an_action_is_accepted() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let salver = Inboxes::memory().salver;
    let worker = |timeout| {
        let worker = salver.worker();
        let worker = worker.on("order.paid", |_| async { Ok::<_, Infallible>(None) });
        worker.action_timeout(timeout)
    };
    worker(HOUR).start().unwrap();
    let longer = worker(HOUR + Duration::from_millis(1)).start();
    assert_eq!(longer.unwrap_err().field(), Some("attempt_timeout"));
}

#[tokio::test]
async fn job_that_ends_while_the_store_is_down_is_done_once() {
    let mut jobs = Inboxes::redis();
    jobs.salver
        .enqueue_test_jobs(["one".to_owned()], 0)
        .await
        .unwrap();
    let mut server = jobs.server.take().unwrap();
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let attempts = Arc::new(AtomicUsize::new(0));
    let shared = (begun.clone(), release.clone(), attempts.clone());
    let worker = jobs.salver.worker().test_jobs(move |_| {
        let (begun, release, attempts) = shared.clone();
        async move {
            attempts.fetch_add(1, Ordering::SeqCst);
            begun.notify_one();
            release.notified().await;
            TestOutcome::Done
        }
        .boxed()
    });
    // The attempt outlives the outage, and so does its lease.
    let running = worker.start().unwrap();
    begun.notified().await;
    server.run::<String>(&[b"SAVE"]);
    server.kill();
    release.notify_one();
    let failed = jobs.salver.deliveries().counts().await;
    assert!(failed.unwrap_err().is_unavailable());
    server.respawn();
    let deliveries = jobs.salver.deliveries();
    let is_recorded = async || {
        let counts = deliveries.counts().await.ok()?;
        (counts == Default::default()).then_some(())
    };
    eventually("the job is done", is_recorded).await;
    running.stop().await;
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn worker_starts_without_redis_and_stops_without_it() {
    let mut jobs = Inboxes::redis();
    jobs.salver
        .enqueue_test_jobs(["one".to_owned()], 0)
        .await
        .unwrap();
    let mut server = jobs.server.take().unwrap();
    server.run::<String>(&[b"SAVE"]);
    server.kill();
    let (first, _) = worker(&jobs, Duration::ZERO);
    // It does not wait for a server that is down.
    first.start().unwrap().stop().await;
    let (second, ended) = worker(&jobs, Duration::ZERO);
    let running = second.start().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.respawn();
    let is_done = async || (ended.load(Ordering::SeqCst) == 1).then_some(());
    eventually("the worker begins when the server is up", is_done).await;
    running.stop().await;
}

/// Returns a handle with the usual timeouts, whose connections pass a proxy.
fn behind_proxy(jobs: &Inboxes) -> (Proxy, Salver) {
    let proxy = Proxy::start(jobs.server.as_ref().unwrap().port);
    let store = RedisStore::new(&proxy.url()).unwrap();
    (proxy, Salver::builder("app").store(store).build().unwrap())
}

/// Starts an idle worker behind a proxy. Returns also the number of its attempts.
async fn idle_worker(jobs: &Inboxes) -> (Proxy, RunningWorker, Arc<AtomicUsize>) {
    let (proxy, salver) = behind_proxy(jobs);
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let worker = salver.worker().test_jobs(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { TestOutcome::Done }.boxed()
    });
    let running = worker.poll_interval(POLL_INTERVAL).start().unwrap();
    enqueue(jobs, "first").await;
    are_leased(jobs, 0).await;
    let is_done = async || (attempts.load(Ordering::SeqCst) == 1).then_some(());
    eventually("the first job is performed", is_done).await;
    (proxy, running, attempts)
}

async fn enqueue(jobs: &Inboxes, name: &str) {
    let names = [name.to_owned()];
    jobs.salver.enqueue_test_jobs(names, 0).await.unwrap();
}

/// Waits until so many jobs are leased, and no more are due.
async fn are_leased(jobs: &Inboxes, number: u64) {
    let deliveries = jobs.salver.deliveries();
    let are_leased = async || {
        let counts = deliveries.counts().await.unwrap();
        ((counts.due, counts.later) == (0, number)).then_some(())
    };
    eventually("the jobs are leased", are_leased).await;
}

/// A server that pauses for longer than a page waits: the jobs of the claim are performed when its reply arrives.
#[tokio::test]
async fn late_reply_to_a_claim_is_not_lost() {
    let jobs = Inboxes::redis();
    let (proxy, running, attempts) = idle_worker(&jobs).await;
    proxy.set(Fault::Delay(Duration::from_millis(400)));
    let started = Instant::now();
    enqueue(&jobs, "second").await;
    let is_performed = async || (attempts.load(Ordering::SeqCst) == 2).then_some(());
    eventually("the job is performed", is_performed).await;
    assert!(started.elapsed() < Duration::from_secs(3));
    proxy.set(Fault::None);
    running.stop().await;
    are_leased(&jobs, 0).await;
}

#[tokio::test]
async fn claim_whose_reply_arrives_after_the_stop_is_given_back() {
    let jobs = Inboxes::redis();
    let (proxy, running, attempts) = idle_worker(&jobs).await;
    proxy.set(Fault::Delay(Duration::from_millis(500)));
    enqueue(&jobs, "second").await;
    are_leased(&jobs, 1).await;
    proxy.set(Fault::None);
    running.stop().await;
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    let deliveries = jobs.salver.deliveries();
    let waiting = deliveries.list(DeliveryState::Waiting, None).await;
    let waiting = waiting.unwrap();
    // The claim does not count.
    assert_eq!(waiting[0].state, DeliveryState::Waiting);
    assert_eq!(deliveries.counts().await.unwrap().due, 1);
}

/// The reply to a claim arrives while a handler blocks the thread, for longer than the worker waits for it.
#[tokio::test]
async fn claim_outlives_a_handler_that_blocks_the_thread() {
    const BLOCKED: Duration = Duration::from_millis(5_500);
    let jobs = Inboxes::redis();
    let (proxy, salver) = behind_proxy(&jobs);
    let ended = Arc::new(AtomicUsize::new(0));
    let (counter, observer) = (Arc::clone(&ended), jobs.salver.clone());
    let worker = salver.worker().test_jobs(move |task| {
        let (counter, observer) = (Arc::clone(&counter), observer.clone());
        let blocks = task.as_str() == Some("first");
        async move {
            while blocks && observer.deliveries().counts().await.unwrap().later < 2 {
                tokio::task::yield_now().await;
            }
            if blocks {
                std::thread::sleep(BLOCKED);
            }
            counter.fetch_add(1, Ordering::SeqCst);
            TestOutcome::Done
        }
        .boxed()
    });
    let running = worker.poll_interval(POLL_INTERVAL).start().unwrap();
    enqueue(&jobs, "first").await;
    are_leased(&jobs, 1).await;
    proxy.set(Fault::Delay(Duration::from_millis(200)));
    enqueue(&jobs, "second").await;
    are_leased(&jobs, 2).await;
    proxy.set(Fault::None);
    let have_ended = async || (ended.load(Ordering::SeqCst) == 2).then_some(());
    eventually("both jobs are performed", have_ended).await;
    running.stop().await;
}
