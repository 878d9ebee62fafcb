//! Adds that wait for replicas: their results, and the delays of other calls.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::{Context, Error, Message, Salver};
use tokio::time::timeout;

use crate::support::cluster::{Cluster, cluster_handle};
use crate::support::redis::Server;
use crate::support::{at, eventually, session};

/// Timeout of an add. Longer than the default, for a busy machine.
const CALL_TIMEOUT: Duration = Duration::from_millis(600);
/// Tolerance for timers and a busy machine.
const TOLERANCE: Duration = Duration::from_millis(200);

/// Number of waiting adds, many more than can wait concurrently.
const WAITING_ADDS: usize = 300;

/// Starts a server and one replica, and waits until the replica is in sync.
fn replicated() -> (Server, Server) {
    let no_sync_delay = ["--repl-diskless-sync-delay", "0"];
    let primary = Server::start_with(&no_sync_delay);
    let port = primary.port.to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    while !primary
        .run::<String>(&[b"INFO", b"replication"])
        .contains("state=online")
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    primary.wait_for_replicas(1);
    (primary, replica)
}

fn salver(server: &Server) -> Salver {
    let salver = Salver::builder("app").redis(&server.url());
    salver.call_timeout(CALL_TIMEOUT).build().unwrap()
}

async fn add(salver: &Salver, context: &Context) -> Result<(), Error> {
    salver
        .add(context, Message::info("replicated"))
        .await
        .map(drop)
}

fn member_count(server: &Server, context: &Context) -> u64 {
    server.run(&[b"ZCARD", context.key().as_bytes()])
}

#[tokio::test]
async fn unreplicated_add_is_in_doubt_on_every_retry() {
    let (primary, replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let context = at("ada", "page");
    for n in 1..=20 {
        add(&salver, &context).await.unwrap();
        assert_eq!(
            member_count(&replica, &context),
            n,
            "an add returned before it was replicated"
        );
    }
    let two = add(&salver.replicated(2), &context).await.unwrap_err();
    assert!(two.is_in_doubt(), "{two}");

    replica.signal("STOP");
    let message = Message::info("repeated");
    for n in 0..5 {
        // Every second retry uses another handle, whose connection has not written yet.
        let other = self::salver(&primary).replicated(1);
        let salver = if n % 2 == 0 { &salver } else { &other };
        let started = Instant::now();
        let error = salver.add(&context, message.clone()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{error}");
        assert!(error.to_string().contains("too few replicas"), "{error}");
        assert!(
            started.elapsed() < CALL_TIMEOUT + TOLERANCE,
            "{:?}",
            started.elapsed()
        );
    }
    salver.close_session(&session("ada")).await.unwrap();
    let error = add(&salver, &context).await.unwrap_err();
    assert!(
        error.is_session_closed(),
        "an add to a closed session returned another error: {error}"
    );
    replica.signal("CONT");
    let context = at("bob", "page");
    eventually("the replica acknowledges writes again", async || {
        add(&salver, &context).await.ok()
    })
    .await;
}

#[tokio::test]
async fn replica_wait_delays_no_other_call() {
    let (primary, replica) = replicated();
    let salver = salver(&primary);
    let context = at("ada", "page");
    add(&salver, &context).await.unwrap();
    replica.signal("STOP");
    let waiting: Vec<_> = (0..WAITING_ADDS)
        .map(|n| {
            let salver = salver.replicated(1);
            let context = at(&format!("v{n}"), "page");
            tokio::spawn(async move {
                let started = Instant::now();
                (add(&salver, &context).await.unwrap_err(), started.elapsed())
            })
        })
        .collect();
    let mut waits = Vec::new();
    while !waiting.iter().all(tokio::task::JoinHandle::is_finished) {
        let started = Instant::now();
        add(&salver, &context).await.unwrap();
        waits.push(started.elapsed());
        let claim = salver.claim(&context).await.unwrap();
        salver.confirm(&claim).await.unwrap();
    }
    waits.sort();
    // The 95th percentile: a busy machine delays some calls.
    let (p95, worst) = (waits[waits.len() * 95 / 100], waits[waits.len() - 1]);
    let (mut in_doubt, mut longest) = (0, Duration::ZERO);
    for result in join_all(waiting).await {
        let (error, time) = result.unwrap();
        assert!(error.is_in_doubt() || error.is_unavailable(), "{error}");
        in_doubt += usize::from(error.is_in_doubt());
        longest = longest.max(time);
    }
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    println!(
        "FIGURE replicas others={} p95_ms={} worst_ms={} longest_wait_ms={} in_doubt={in_doubt} of {WAITING_ADDS}",
        waits.len(),
        p95.as_millis(),
        worst.as_millis(),
        longest.as_millis()
    );
    assert!(p95 < Duration::from_millis(50), "{p95:?}");
    assert!(longest < CALL_TIMEOUT + TOLERANCE, "{longest:?}");
    assert!(in_doubt >= 8, "{in_doubt}");
    // Connections do not keep waiting for adds that have timed out.
    tokio::time::sleep(CALL_TIMEOUT).await;
    let clients: String = primary.run(&[b"INFO", b"clients"]);
    assert!(clients.contains("blocked_clients:0"), "{clients}");
    replica.signal("CONT");
    let resumed = Instant::now();
    eventually("a replicated add succeeds again", async || {
        add(&salver.replicated(1), &context).await.ok()
    })
    .await;
    // A resumed replica may acknowledge only with its periodic report, once a second.
    let longest = Duration::from_secs(1) + CALL_TIMEOUT + TOLERANCE;
    assert!(resumed.elapsed() < longest, "{:?}", resumed.elapsed());
}

#[tokio::test]
async fn dropped_replicated_adds_do_not_block_later_adds() {
    let (primary, replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let context = at("ada", "page");
    replica.signal("STOP");
    for n in 0..20 {
        let dropped = timeout(Duration::from_millis(n), add(&salver, &context)).await;
        assert!(dropped.is_err(), "the add completed before it was dropped");
    }
    replica.signal("CONT");
    eventually("the next add succeeds", async || {
        add(&salver, &context).await.ok()
    })
    .await;
    let contexts: Vec<_> = (0..64).map(|n| at(&format!("v{n}"), "page")).collect();
    for result in join_all(contexts.iter().map(|context| add(&salver, context))).await {
        result.unwrap();
    }
    assert!(
        contexts
            .iter()
            .all(|context| member_count(&replica, context) == 1)
    );
    let connections: String = primary.run(&[b"CLIENT", b"LIST"]);
    let wait_connections = connections.matches("cmd=wait").count();
    assert!(
        (1..=8).contains(&wait_connections),
        "{wait_connections} connections for adds that wait"
    );
}

#[tokio::test]
async fn broken_replica_wait_connections_are_replaced() {
    let (primary, _replica) = replicated();
    let salver = salver(&primary).replicated(1);
    let contexts: Vec<_> = (0..8).map(|n| at(&format!("v{n}"), "page")).collect();
    join_all(contexts.iter().map(|context| add(&salver, context))).await;
    let _: u64 = primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    for context in &contexts {
        add(&salver, context).await.unwrap();
    }
}

#[tokio::test]
async fn cluster_add_waits_for_replicas() {
    let cluster = Cluster::start(3, 1);
    let salver = cluster_handle(&cluster).replicated(1);
    let contexts: Vec<_> = (0..30).map(|n| at(&format!("v{n}"), "page")).collect();
    for context in &contexts {
        add(&salver, context).await.unwrap();
    }
    for replica in &cluster.nodes[3..] {
        replica.signal("STOP");
    }
    let error = add(&salver, &contexts[0]).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(salver.replicated(0).count(&contexts[0]).await.unwrap(), 2);
}
