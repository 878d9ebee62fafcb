//! Killed processes: the web process while it responds, and Redis under load. Also flushed scripts
//! and a server that is out of memory.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::{Context, Error, Message, Salver};

use salver::store::IssueKind;

use crate::support::fault_site::{read_response, send_get};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::profile::{by_profile, salver};
use crate::support::redis::{Server, pending};
use crate::support::{at, eventually, session};
use fastrand::Rng;

use crate::support::site_process::SiteProcess;

const VISITORS: usize = 50;
const READERS: usize = 16;

/// Kills the web process while it sends slow pages. Messages that its pages claimed become visible
/// again when the leases expire. Messages of completely sent pages were received, or lost with the
/// client's connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_process_kill_loses_no_messages() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let contexts: Arc<Vec<_>> = Arc::new(
        (0..VISITORS)
            .map(|n| at(&format!("v{n}"), "slow"))
            .collect(),
    );
    let kills = by_profile(10, 200);
    let messages_per_round = by_profile(1_000, 100_000) / kills;
    let mut rng = Rng::with_seed(1);
    let (mut recovery, mut incomplete) = (Duration::ZERO, 0);

    for _ in 0..kills {
        let site = SiteProcess::start(&server.url());
        let stopped = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                tokio::spawn(read_pages(
                    site.port,
                    n,
                    contexts.clone(),
                    history.clone(),
                    stopped.clone(),
                ))
            })
            .collect();
        for n in 0..messages_per_round {
            add(&salver, &contexts[n % VISITORS], &history).await;
        }
        tokio::time::sleep(Duration::from_millis(20 + rng.u64(..150))).await;
        site.kill();
        stopped.store(true, Ordering::SeqCst);
        for reader in readers {
            incomplete += reader.await.unwrap();
        }
    }
    let site = SiteProcess::start(&server.url());
    let restarted = Instant::now();
    eventually(
        "every message is read after its lease has expired",
        async || {
            let reads = contexts
                .iter()
                .map(|context| read_page(site.port, context, &history));
            join_all(reads).await;
            pending(&server, &contexts).is_empty().then_some(())
        },
    )
    .await;
    recovery = recovery.max(restarted.elapsed());

    assert!(incomplete > 0, "no response was interrupted by a kill");
    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    let more = format!("kills={kills} incomplete={incomplete}");
    Row {
        test: "web_process_kill",
        verdict,
        recovery,
        more,
        ..Row::default()
    }
    .report();
}

async fn add(salver: &Salver, context: &Context, history: &History) {
    let message = history.message(context);
    match salver.add(context, message.clone()).await {
        Ok(added) => {
            history.record_acknowledged(&message);
            history.record_displaced(added.displaced);
        }
        Err(_) => history.record_in_doubt(&message),
    }
}

/// Reads pages until `stopped` is set. Returns how many responses were incomplete.
async fn read_pages(
    port: u16,
    seed: usize,
    contexts: Arc<Vec<Context>>,
    history: History,
    stopped: Arc<AtomicBool>,
) -> usize {
    let (mut rng, mut incomplete) = (Rng::with_seed(seed as u64), 0);
    while !stopped.load(Ordering::SeqCst) {
        let context = &contexts[rng.u64(..VISITORS as u64) as usize];
        incomplete += usize::from(!read_page(port, context, &history).await);
    }
    incomplete
}

/// Reads one page. Returns whether the response was complete.
async fn read_page(port: u16, context: &Context, history: &History) -> bool {
    let Ok(stream) = send_get(port, "/slow", context.session().as_str()).await else {
        return false;
    };
    match read_response(stream).await {
        Some(page) => history.record_received(context, &page),
        None => return false,
    }
    true
}

/// Clients that add, claim and confirm concurrently while the server fails.
struct Load {
    salver: Salver,
    history: History,
    contexts: Vec<Context>,
    /// Number of acknowledged operations.
    done: AtomicUsize,
    stopped: AtomicBool,
}

impl Load {
    fn new(url: &str) -> Arc<Self> {
        Arc::new(Self {
            salver: salver(url),
            history: History::default(),
            contexts: (0..200).map(|n| at(&format!("v{n}"), "page")).collect(),
            done: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Adds, claims and confirms until the load is stopped. Returns the errors.
    async fn work(self: Arc<Self>, seed: u64) -> Vec<Error> {
        let (mut rng, mut errors) = (Rng::with_seed(seed), Vec::new());
        while !self.stopped.load(Ordering::SeqCst) {
            let context = &self.contexts[rng.u64(..200) as usize];
            if let Err(error) = self.add_and_read(context).await {
                errors.push(error);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        errors
    }

    async fn add_and_read(&self, context: &Context) -> Result<(), Error> {
        for _ in 0..2 {
            let message = self.history.message(context);
            match self.salver.add(context, message.clone()).await {
                Ok(added) => {
                    self.history.record_acknowledged(&message);
                    self.history.record_displaced(added.displaced);
                }
                Err(error) => {
                    self.history.record_in_doubt(&message);
                    return Err(error);
                }
            }
            self.done.fetch_add(1, Ordering::SeqCst);
        }
        let claim = self.salver.claim(context).await?;
        // The messages count as received here, even if the confirm fails.
        self.history
            .record_received_messages(context, claim.messages());
        self.done.fetch_add(1, Ordering::SeqCst);
        self.salver.confirm(&claim).await?;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn start(self: &Arc<Self>) -> Vec<tokio::task::JoinHandle<Vec<Error>>> {
        (0..16)
            .map(|n| tokio::spawn(self.clone().work(n)))
            .collect()
    }

    async fn end(&self, workers: Vec<tokio::task::JoinHandle<Vec<Error>>>) -> Vec<Error> {
        self.stopped.store(true, Ordering::SeqCst);
        let mut errors = Vec::new();
        for worker in workers {
            errors.extend(worker.await.unwrap());
        }
        self.salver.flush().await;
        errors
    }

    /// Waits until this number of operations is acknowledged. Panics after 10 seconds without
    /// progress.
    async fn wait_for_operations(&self, operations: usize) {
        let (mut last, mut last_progress) = (0, Instant::now());
        while self.done.load(Ordering::SeqCst) < operations {
            let done = self.done.load(Ordering::SeqCst);
            if done > last {
                (last, last_progress) = (done, Instant::now());
            }
            assert!(
                last_progress.elapsed() < Duration::from_secs(10),
                "no operation succeeded in 10 seconds"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Kills Redis under load and restarts it with its append-only file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof_loses_no_messages() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let load = Load::new(&server.url());
    let workers = load.start();
    let (kills, operations) = (by_profile(5, 50), by_profile(100_000, 1_000_000));
    let mut recovery = Duration::ZERO;
    for kill in 1..=kills {
        load.wait_for_operations(operations * kill / (kills + 1))
            .await;
        server.kill();
        server.restart();
        let (restarted, before) = (Instant::now(), load.done.load(Ordering::SeqCst));
        load.wait_for_operations(before + 16).await;
        recovery = recovery.max(restarted.elapsed());
    }
    load.wait_for_operations(operations).await;
    let errors = load.end(workers).await;
    assert!(
        !errors.is_empty(),
        "no operation failed although Redis was killed"
    );
    let in_doubt = errors.iter().filter(|error| error.is_in_doubt()).count();
    let is_expected = |error: &Error| error.is_in_doubt() || error.is_unavailable();
    assert!(
        errors.iter().all(is_expected),
        "{:?}",
        errors.iter().find(|error| !is_expected(error))
    );
    let verdict = load.history.verdict(&pending(&server, &load.contexts));
    let more = format!(
        "kills={kills} operations={} errors={} errors_in_doubt={in_doubt}",
        load.done.load(Ordering::SeqCst),
        errors.len()
    );
    assert!(recovery < Duration::from_secs(1), "{recovery:?}");
    Row {
        test: "redis_kill_with_aof",
        verdict,
        recovery,
        more,
        ..Row::default()
    }
    .report();
}

/// Flushes the server's scripts every 10 milliseconds. No call fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn script_flush_under_load_causes_no_errors() {
    let server = Server::start();
    let load = Load::new(&server.url());
    let workers = load.start();
    let operations = by_profile(100_000, 1_000_000);
    let flushed = Arc::new(AtomicUsize::new(0));
    let flusher = std::thread::spawn({
        let (mut connection, load, flushed) = (server.connect(), load.clone(), flushed.clone());
        move || {
            while !load.stopped.load(Ordering::SeqCst) {
                redis::cmd("SCRIPT")
                    .arg("FLUSH")
                    .query::<()>(&mut connection)
                    .unwrap();
                flushed.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    load.wait_for_operations(operations).await;
    let errors = load.end(workers).await;
    flusher.join().unwrap();
    assert_eq!(errors.len(), 0, "{:?}", errors.first());
    let verdict = load.history.verdict(&pending(&server, &load.contexts));
    let flushed = flushed.load(Ordering::SeqCst);
    let more = format!("operations={operations} flushes={flushed} noscript_seen=0");
    Row {
        test: "script_flush_under_load",
        verdict,
        more,
        ..Row::default()
    }
    .report();
}

/// A server that is out of memory rejects adds and executes every operation that frees memory.
#[tokio::test]
async fn out_of_memory_rejects_only_adds() {
    let server = Server::start();
    let info = server.run::<String>(&[b"INFO", b"memory"]);
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap();
    let limit = (used.parse::<u64>().unwrap() + 3_000_000).to_string();
    let _: String = server.run(&[b"CONFIG", b"SET", b"maxmemory", limit.as_bytes()]);
    let (salver, history) = (salver(&server.url()), History::default());
    let contexts: Vec<_> = (0..500).map(|n| at(&format!("v{n}"), "page")).collect();
    let mut rejected = 0;
    'fill: for _ in 0..100 {
        for context in &contexts {
            let message = history.message(context);
            match salver.add(context, message.clone()).await {
                Ok(_) => history.record_acknowledged(&message),
                Err(error) => {
                    assert!(error.is_full(), "{error}");
                    rejected += 1;
                    break 'fill;
                }
            }
        }
    }
    assert_eq!(rejected, 1, "the server did not run out of memory");
    let health = salver.health().await;
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::OutOfMemory,
        "{health}"
    );

    let claim = salver.claim(&contexts[0]).await.unwrap();
    assert!(!claim.messages().is_empty());
    salver.release(claim).await.unwrap();
    let claim = salver.claim(&contexts[0]).await.unwrap();
    history.record_received_messages(&contexts[0], claim.messages());
    salver.confirm(&claim).await.unwrap();
    history.record_received_messages(&contexts[1], &salver.take(&contexts[1]).await.unwrap());
    let error = salver
        .add(&contexts[2], Message::info("x".repeat(4_000)))
        .await
        .unwrap_err();
    assert!(error.is_full() && error.retry_after().is_none(), "{error}");

    // A login, and a logout of a session without messages.
    let (new, without_messages) = (session("new"), session("without-messages"));
    salver.migrate(contexts[3].session(), &new).await.unwrap();
    salver.migrate(&new, contexts[3].session()).await.unwrap();
    salver.close_session(&without_messages).await.unwrap();

    let before = pending(&server, &contexts).len();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut steps = 0;
    let swept = salver
        .sweep(Duration::from_millis(1), |_| steps += 1)
        .await
        .unwrap();
    assert_eq!(
        (swept.removed as usize, pending(&server, &contexts)),
        (before, HashSet::new())
    );
    assert!(steps > 1, "the sweep ran in a single, unbounded step");
    // The swept messages do not count as lost.
    history.record_expired(before as u64);
    salver
        .add(&contexts[2], Message::info("memory is available again"))
        .await
        .unwrap();
    let verdict = history.verdict(&HashSet::new());
    let more = format!("swept={before} steps={steps}");
    Row {
        test: "out_of_memory",
        verdict,
        more,
        ..Row::default()
    }
    .report();
}
