//! Processes that are killed: the web process while it answers, and Redis under load.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::{Context, Error, Message, Salver};

use salver::store::IssueKind;

use super::site::{ask, read_whole};
use super::{column, pending, salver};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::redis::Server;
use crate::support::{at, eventually, session};
use fastrand::Rng;

use super::process::SiteProcess;

const VISITORS: usize = 50;
const READERS: usize = 16;

/// The web process is killed while it answers slow pages. What its pages held comes back when the leases end;
/// what a page had handed over is with the client, or was thrown away with its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_process_kill() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let contexts: Arc<Vec<_>> = Arc::new(
        (0..VISITORS)
            .map(|n| at(&format!("v{n}"), "slow"))
            .collect(),
    );
    let kills = column(10, 200);
    let messages_a_round = column(1_000, 100_000) / kills;
    let mut rng = Rng::with_seed(1);
    let (mut recovery, mut broken) = (Duration::ZERO, 0);

    for _ in 0..kills {
        let site = SiteProcess::start(&server.url());
        let over = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                tokio::spawn(read(
                    site.port,
                    n,
                    contexts.clone(),
                    history.clone(),
                    over.clone(),
                ))
            })
            .collect();
        for n in 0..messages_a_round {
            add(&salver, &contexts[n % VISITORS], &history).await;
        }
        tokio::time::sleep(Duration::from_millis(20 + rng.u64(..150))).await;
        site.kill();
        over.store(true, Ordering::SeqCst);
        for reader in readers {
            broken += reader.await.unwrap();
        }
    }
    let site = SiteProcess::start(&server.url());
    let died = Instant::now();
    eventually(
        "every lease has ended and every page was read",
        async || {
            let visits = contexts
                .iter()
                .map(|context| visit(site.port, context, &history));
            join_all(visits).await;
            pending(&server, &contexts).is_empty().then_some(())
        },
    )
    .await;
    recovery = recovery.max(died.elapsed());

    assert!(broken > 0, "no page was broken off by a kill");
    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    let more = format!("kills={kills} broken_off={broken}");
    Row {
        test: "web_process_kill",
        verdict,
        recovery,
        more,
        ..Row::default()
    }
    .judge();
}

async fn add(salver: &Salver, context: &Context, history: &History) {
    let message = history.message(context);
    match salver.add(context, message.clone()).await {
        Ok(added) => {
            history.acknowledged(&message);
            history.displaced(added.displaced);
        }
        Err(_) => history.in_doubt(&message),
    }
}

/// Reads pages until the site is gone; tells how many broke off.
async fn read(
    port: u16,
    seed: usize,
    contexts: Arc<Vec<Context>>,
    history: History,
    over: Arc<AtomicBool>,
) -> usize {
    let (mut rng, mut broken) = (Rng::with_seed(seed as u64), 0);
    while !over.load(Ordering::SeqCst) {
        let context = &contexts[rng.u64(..VISITORS as u64) as usize];
        broken += usize::from(!visit(port, context, &history).await);
    }
    broken
}

/// Tells whether the whole page came.
async fn visit(port: u16, context: &Context, history: &History) -> bool {
    let Ok(stream) = ask(port, "/slow", context.session().as_str()).await else {
        return false;
    };
    match read_whole(stream).await {
        Some(page) => history.received(context, &page),
        None => return false,
    }
    true
}

/// What several clients do at once to a server that is in trouble.
struct Load {
    salver: Salver,
    history: History,
    contexts: Vec<Context>,
    /// Operations that were acknowledged.
    done: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    fn new(url: &str) -> Arc<Self> {
        Arc::new(Self {
            salver: salver(url),
            history: History::default(),
            contexts: (0..200).map(|n| at(&format!("v{n}"), "page")).collect(),
            done: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// Adds, claims and confirms until it is over; gives the errors.
    async fn work(self: Arc<Self>, seed: u64) -> Vec<Error> {
        let (mut rng, mut errors) = (Rng::with_seed(seed), Vec::new());
        while !self.over.load(Ordering::SeqCst) {
            let context = &self.contexts[rng.u64(..200) as usize];
            if let Err(error) = self.once(context).await {
                errors.push(error);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        errors
    }

    async fn once(&self, context: &Context) -> Result<(), Error> {
        for _ in 0..2 {
            let message = self.history.message(context);
            match self.salver.add(context, message.clone()).await {
                Ok(added) => {
                    self.history.acknowledged(&message);
                    self.history.displaced(added.displaced);
                }
                Err(error) => {
                    self.history.in_doubt(&message);
                    return Err(error);
                }
            }
            self.done.fetch_add(1, Ordering::SeqCst);
        }
        let claim = self.salver.claim(context).await?;
        // Shown is what was read here, whatever becomes of the confirm.
        self.history.given(context, claim.messages());
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
        self.over.store(true, Ordering::SeqCst);
        let mut errors = Vec::new();
        for worker in workers {
            errors.extend(worker.await.unwrap());
        }
        self.salver.flush().await;
        errors
    }

    async fn reaches(&self, operations: usize) {
        let (mut last, mut moved) = (0, Instant::now());
        while self.done.load(Ordering::SeqCst) < operations {
            let done = self.done.load(Ordering::SeqCst);
            if done > last {
                (last, moved) = (done, Instant::now());
            }
            assert!(
                moved.elapsed() < Duration::from_secs(10),
                "nothing works any more"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Redis is killed under load and started again with its append-only file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let load = Load::new(&server.url());
    let workers = load.start();
    let (kills, operations) = (column(5, 50), column(100_000, 1_000_000));
    let mut recovery = Duration::ZERO;
    for kill in 1..=kills {
        load.reaches(operations * kill / (kills + 1)).await;
        server.kill();
        server.start_again();
        let (back, before) = (Instant::now(), load.done.load(Ordering::SeqCst));
        load.reaches(before + 16).await;
        recovery = recovery.max(back.elapsed());
    }
    load.reaches(operations).await;
    let errors = load.end(workers).await;
    assert!(!errors.is_empty(), "nobody noticed that Redis was killed");
    let doubtful = errors.iter().filter(|error| error.is_in_doubt()).count();
    let told = |error: &Error| error.is_in_doubt() || error.is_unavailable();
    assert!(
        errors.iter().all(told),
        "{:?}",
        errors.iter().find(|error| !told(error))
    );
    let verdict = load.history.verdict(&pending(&server, &load.contexts));
    let more = format!(
        "kills={kills} operations={} errors={} errors_in_doubt={doubtful}",
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
    .judge();
}

/// The server forgets its scripts every 10 milliseconds, and no caller notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn script_flush_under_load() {
    let server = Server::start();
    let load = Load::new(&server.url());
    let workers = load.start();
    let operations = column(100_000, 1_000_000);
    let flushed = Arc::new(AtomicUsize::new(0));
    let flusher = std::thread::spawn({
        let (mut connection, load, flushed) = (server.connect(), load.clone(), flushed.clone());
        move || {
            while !load.over.load(Ordering::SeqCst) {
                redis::cmd("SCRIPT")
                    .arg("FLUSH")
                    .query::<()>(&mut connection)
                    .unwrap();
                flushed.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    load.reaches(operations).await;
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
    .judge();
}

/// A server that has no memory left takes no adds, and does everything that frees some.
#[tokio::test]
async fn out_of_memory() {
    let server = Server::start();
    let limit = server.run::<String>(&[b"INFO", b"memory"]);
    let used = limit
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap();
    let limit = (used.parse::<u64>().unwrap() + 3_000_000).to_string();
    let _: String = server.run(&[b"CONFIG", b"SET", b"maxmemory", limit.as_bytes()]);
    let (salver, history) = (salver(&server.url()), History::default());
    let contexts: Vec<_> = (0..500).map(|n| at(&format!("v{n}"), "page")).collect();
    let mut refused = 0;
    'filling: for _ in 0..100 {
        for context in &contexts {
            let message = history.message(context);
            match salver.add(context, message.clone()).await {
                Ok(_) => history.acknowledged(&message),
                Err(error) => {
                    assert!(error.is_full(), "{error}");
                    refused += 1;
                    break 'filling;
                }
            }
        }
    }
    assert_eq!(refused, 1, "the server is not full");
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
    history.given(&contexts[0], claim.messages());
    salver.confirm(&claim).await.unwrap();
    history.given(&contexts[1], &salver.take(&contexts[1]).await.unwrap());
    let error = salver
        .add(&contexts[2], Message::info("x".repeat(4_000)))
        .await
        .unwrap_err();
    assert!(error.is_full() && error.retry_after().is_none(), "{error}");

    // A login and a logout of visitors who may have nothing.
    let (new, nobody) = (session("new"), session("nobody"));
    salver.migrate(contexts[3].session(), &new).await.unwrap();
    salver.migrate(&new, contexts[3].session()).await.unwrap();
    salver.close_session(&nobody).await.unwrap();

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
    assert!(steps > 1, "one step is not bounded");
    // Swept on purpose: all that was not shown is excused, and no more.
    history.expired(before as u64);
    salver
        .add(&contexts[2], Message::info("there is room again"))
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
    .judge();
}
