//! Adds that wait for replicas: what is told, and who else has to wait.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::{Context, Error, Message, Salver};
use tokio::time::timeout;

use super::cluster::behind;
use crate::support::cluster::Cluster;
use crate::support::redis::Server;
use crate::support::{at, eventually, session};

/// What an add may take as a whole: more than by default, for a busy machine.
const BUDGET: Duration = Duration::from_millis(600);
const SLACK: Duration = Duration::from_millis(200);

/// Many more than may wait at once.
const CROWD: usize = 300;

/// A server and one replica that has caught up.
fn replicated() -> (Server, Server) {
    let at_once = ["--repl-diskless-sync-delay", "0"];
    let primary = Server::start_with(&at_once);
    let port = primary.port.to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    while !primary
        .run::<String>(&[b"INFO", b"replication"])
        .contains("state=online")
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    // It is online before it has said what it has.
    let mut connection = primary.connect();
    let mut set = redis::cmd("SET");
    set.arg("known")
        .arg("to both")
        .exec(&mut connection)
        .unwrap();
    let mut wait = redis::cmd("WAIT");
    let reached: u64 = wait.arg(1).arg(10_000).query(&mut connection).unwrap();
    assert_eq!(reached, 1, "the replica does not catch up");
    (primary, replica)
}

fn salver(server: &Server) -> Salver {
    let salver = Salver::builder("app").redis(&server.url());
    salver.call_timeout(BUDGET).build().unwrap()
}

async fn add(salver: &Salver, context: &Context) -> Result<(), Error> {
    salver
        .add(context, Message::info("replicated"))
        .await
        .map(drop)
}

fn has(server: &Server, context: &Context) -> u64 {
    server.run(&[b"ZCARD", context.key().as_bytes()])
}

#[tokio::test]
async fn what_no_replica_has_is_in_doubt_however_often_it_is_added() {
    let (primary, replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let page = at("ada", "page");
    for n in 1..=20 {
        add(&salver, &page).await.unwrap();
        assert_eq!(has(&replica, &page), n, "an add returned too early");
    }
    let two = add(&salver.replicated(2), &page).await.unwrap_err();
    assert!(two.is_in_doubt(), "{two}");

    replica.signal("STOP");
    let message = Message::info("again and again");
    for n in 0..5 {
        // Repeated by whoever, over a connection that has written nothing yet.
        let other = self::salver(&primary).replicated(1);
        let salver = if n % 2 == 0 { &salver } else { &other };
        let started = Instant::now();
        let error = salver.add(&page, message.clone()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        assert!(error.to_string().contains("too few replicas"), "{error}");
        assert!(
            started.elapsed() < BUDGET + SLACK,
            "{:?}",
            started.elapsed()
        );
    }
    salver.close_session(&session("ada")).await.unwrap();
    let late = add(&salver, &page).await.unwrap_err();
    assert!(late.is_closed(), "nothing was added: {late}");
    replica.signal("CONT");
    let page = at("bob", "page");
    eventually("the replica is back", async || {
        add(&salver, &page).await.ok()
    })
    .await;
}

#[tokio::test]
async fn nobody_else_waits_for_replicas() {
    let (primary, replica) = replicated();
    let salver = salver(&primary);
    let page = at("ada", "page");
    add(&salver, &page).await.unwrap();
    replica.signal("STOP");
    let waiting: Vec<_> = (0..CROWD)
        .map(|n| {
            let (salver, page) = (salver.replicated(1), at(&format!("v{n}"), "page"));
            tokio::spawn(async move {
                let started = Instant::now();
                (add(&salver, &page).await.unwrap_err(), started.elapsed())
            })
        })
        .collect();
    let mut waits = Vec::new();
    while !waiting.iter().all(tokio::task::JoinHandle::is_finished) {
        let started = Instant::now();
        add(&salver, &page).await.unwrap();
        waits.push(started.elapsed());
        let claim = salver.claim(&page).await.unwrap();
        salver.confirm(&claim).await.unwrap();
    }
    waits.sort();
    // Of all but the last few: a busy machine makes some wait for itself.
    let (most, worst) = (waits[waits.len() * 95 / 100], waits[waits.len() - 1]);
    let (mut doubtful, mut longest) = (0, Duration::ZERO);
    for ended in join_all(waiting).await {
        let (error, took) = ended.unwrap();
        assert!(error.is_in_doubt() || error.is_unavailable(), "{error}");
        doubtful += usize::from(error.is_in_doubt());
        longest = longest.max(took);
    }
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    println!(
        "FIGURE replicas others={} p95_ms={} worst_ms={} longest_wait_ms={} in_doubt={doubtful} of {CROWD}",
        waits.len(),
        most.as_millis(),
        worst.as_millis(),
        longest.as_millis()
    );
    assert!(most < Duration::from_millis(50), "{most:?}");
    assert!(longest < BUDGET + SLACK, "{longest:?}");
    assert!(doubtful >= 8, "{doubtful}");
    // Who was told is not waited for any more.
    tokio::time::sleep(BUDGET).await;
    let clients: String = primary.run(&[b"INFO", b"clients"]);
    assert!(clients.contains("blocked_clients:0"), "{clients}");
    replica.signal("CONT");
    let back = Instant::now();
    eventually("nobody stands in the way", async || {
        add(&salver.replicated(1), &page).await.ok()
    })
    .await;
    // A replica that goes on is at times heard of only when it reports of itself, once a second.
    let longest = Duration::from_secs(1) + BUDGET + SLACK;
    assert!(back.elapsed() < longest, "{:?}", back.elapsed());
}

#[tokio::test]
async fn many_queue_and_a_dropped_one_spoils_nothing() {
    let (primary, replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let page = at("ada", "page");
    replica.signal("STOP");
    for n in 0..20 {
        let dropped = timeout(Duration::from_millis(n), add(&salver, &page)).await;
        assert!(dropped.is_err(), "it was to be dropped");
    }
    replica.signal("CONT");
    eventually("the next one is well", async || {
        add(&salver, &page).await.ok()
    })
    .await;
    let pages: Vec<_> = (0..64).map(|n| at(&format!("v{n}"), "page")).collect();
    for ended in join_all(pages.iter().map(|page| add(&salver, page))).await {
        ended.unwrap();
    }
    assert!(pages.iter().all(|page| has(&replica, page) == 1));
    let connections: String = primary.run(&[b"CLIENT", b"LIST"]);
    let waited = connections.matches("cmd=wait").count();
    assert!(
        (1..=8).contains(&waited),
        "{waited} connections for adds that wait"
    );
}

#[tokio::test]
async fn connections_that_wait_are_replaced_when_they_broke() {
    let (primary, _replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let pages: Vec<_> = (0..8).map(|n| at(&format!("v{n}"), "page")).collect();
    join_all(pages.iter().map(|page| add(&salver, page))).await;
    let _: u64 = primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    for page in &pages {
        add(&salver, page).await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_replicates_too() {
    let cluster = Cluster::start(3, 1);
    let salver = behind(&cluster).replicated(1);
    let pages: Vec<_> = (0..30).map(|n| at(&format!("v{n}"), "page")).collect();
    for page in &pages {
        add(&salver, page).await.unwrap();
    }
    for replica in &cluster.nodes[3..] {
        replica.signal("STOP");
    }
    let error = add(&salver, &pages[0]).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(salver.replicated(0).count(&pages[0]).await.unwrap(), 2);
}
