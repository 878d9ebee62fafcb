//! Failovers: Sentinels elect another primary, and a Cluster assigns the slots of a failed primary
//! to its replica.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Context, Message, Salver};

use super::failover_clients::FailoverClients;
use crate::support::cluster::{Cluster, NODE_TIMEOUT, cluster_handle};
use crate::support::history::{History, Row};
use crate::support::indexed_site::{one_page_site, process_on, wait_until_idle};
use crate::support::monitor::Monitor;
use crate::support::profile::by_profile;
use crate::support::redis::{Server, external_zadd, pending, tracking_connections};
use crate::support::sentinels::{DOWN_AFTER, PRIMARY, SentinelSetup};
use crate::support::site::context_of_ada;
use crate::support::{at, eventually};

/// How a primary fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    /// The primary and the first Sentinel hang, as if they ran on the same machine.
    Hang,
    /// The primary is killed after it has been disconnected from its replicas for a while.
    KillIsolated,
}

/// How long a primary runs without its replicas before it is killed.
const ISOLATED: Duration = Duration::from_millis(200);
/// Maximum time for all clients to connect to the new primary after the servers have agreed on it.
const DISCOVERY_TIMEOUT: Duration = Duration::from_millis(600);

/// Slots of healthy primaries stay available while other slots have no primary.
const PARTIAL_COVERAGE: [&str; 2] = ["--cluster-require-full-coverage", "no"];

/// A primary that three Sentinels monitor fails under load. The clients connect to the new primary
/// without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_failover_needs_no_restart() {
    for _ in 0..by_profile(1, 20) {
        sentinel_round(Failure::Hang, 1).await;
        sentinel_round(Failure::KillIsolated, 0).await;
        sentinel_round(Failure::KillIsolated, 1).await;
    }
}

/// A primary that becomes a replica keeps its connections open and replies `READONLY`. The handle
/// then connects to the new primary.
#[tokio::test]
async fn readonly_reply_switches_to_new_primary() {
    let new_primary = Server::start();
    let old_primary = Server::start();
    let monitor = format!(
        "sentinel monitor {PRIMARY} 127.0.0.1 {} 1",
        old_primary.port
    );
    let setup = SentinelSetup::single(old_primary, &monitor);
    let store = RedisStore::builder(&setup.urls()[0])
        .sentinel(PRIMARY)
        .build();
    let salver = Salver::new("app", store.unwrap()).unwrap();
    let context = at("ada", "page");
    salver
        .add(&context, Message::info("to the old primary"))
        .await
        .unwrap();
    setup.monitor(&new_primary);
    let port = new_primary.port.to_string();
    let follow: [&[u8]; 3] = [b"REPLICAOF", b"127.0.0.1", port.as_bytes()];
    let _: String = setup.servers[0].run(&follow);
    salver
        .add(&context, Message::info("to the new primary"))
        .await
        .unwrap();
    assert_eq!(
        new_primary.run::<u64>(&[b"ZCARD", context.key().as_bytes()]),
        1
    );
}

/// A primary that is separated from its Sentinels still reports itself as primary, and still
/// accepts client tracking, although no client writes to it. The tracking connection moves to the
/// new primary.
#[actix_web::test]
async fn tracking_connection_leaves_replaced_primary() {
    /// Maximum time until the handle detects the new primary.
    const DETECTION_TIMEOUT: Duration = Duration::from_millis(2_500);

    let (new_primary, old_primary) = (Server::start(), Server::start());
    let monitor = format!(
        "sentinel monitor {PRIMARY} 127.0.0.1 {} 1",
        old_primary.port
    );
    let setup = SentinelSetup::single(old_primary, &monitor);
    let store = RedisStore::builder(&setup.urls()[0])
        .sentinel(PRIMARY)
        .build();
    let (salver, report) = process_on(store.unwrap(), |salver| salver);
    let site = one_page_site(&salver).await;
    wait_until_idle(&report, || site.get("/p")).await;
    setup.monitor(&new_primary);
    let replaced = Instant::now();
    // New connections for calls reach the new primary. The tracking connection stays open.
    let old_primary = &setup.servers[0];
    let _: u64 = old_primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    external_zadd(
        &new_primary,
        &context_of_ada(&salver, "p"),
        "on the new primary",
    );
    eventually(
        "the page shows the message on the new primary",
        async || {
            site.get("/p")
                .await
                .shows("on the new primary")
                .then_some(())
        },
    )
    .await;
    assert!(
        replaced.elapsed() < DETECTION_TIMEOUT,
        "{:?}",
        replaced.elapsed()
    );
    salver.flush().await;
    wait_until_idle(&report, || site.get("/p")).await;
    let connections = [old_primary, &new_primary].map(|server| tracking_connections(server).len());
    assert_eq!(connections, [0, 1]);
    // The handle stays with the primary that the Sentinel names, also while the Sentinel is
    // stopped.
    let before = tracking_connections(&new_primary);
    for signal in ["CONT", "STOP"] {
        setup.signal_sentinel(0, signal);
        tokio::time::sleep(DETECTION_TIMEOUT).await;
        assert_eq!(tracking_connections(&new_primary), before, "{signal}");
    }
}

async fn sentinel_round(how: Failure, replicas: u32) {
    let setup = SentinelSetup::start(2);
    let monitors: Vec<_> = setup.servers.iter().map(monitor).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("v{n}"), "page")).collect();
    let salver = sentinel_handle(&setup).replicated(replicas);
    let clients = FailoverClients::new(salver, contexts.clone());
    let tasks = clients.start();
    clients.wait_for_rounds(200).await;

    fail(&setup, how).await;
    clients.record_failure(contexts.clone());
    let failed = Instant::now();
    let agreed = tokio::task::spawn_blocking({
        let waiter = setup.failover_waiter();
        move || {
            waiter.wait();
            failed.elapsed()
        }
    });
    let (recovery, agreed) = (clients.wait_for_recovery().await, agreed.await.unwrap());
    // Leases that the old primary grants from now on, before it becomes a replica, reach no client.
    let mut claimed_twice = twice(&monitors[..1]);
    if how == Failure::Hang {
        setup.servers[0].signal("CONT");
    }
    clients.wait_for_rounds(200).await;
    clients.end(tasks).await;
    clients.read_all().await;

    let new_primary = setup.new_primary(0).expect("no server is the primary");
    let pending = pending(&setup.servers[new_primary], &contexts);
    let count_losses = replicas > 0;
    let mut more = format!(
        "how={how:?} replicas={replicas} agreed_ms={}",
        agreed.as_millis()
    );
    let mut verdict = clients.verdict(&pending, count_losses, &mut more);
    claimed_twice += twice(&monitors[1..]);
    verdict.twice = claimed_twice;
    let longest = (DOWN_AFTER + Duration::from_secs(2)).max(agreed + DISCOVERY_TIMEOUT);
    assert!(
        recovery < longest,
        "{recovery:?} after {how:?}, the servers agreed after {agreed:?}"
    );
    Row {
        test: "sentinel_failover",
        verdict,
        recovery,
        worst_wait: clients.worst_wait(),
        more,
    }
    .report();
}

fn sentinel_handle(setup: &SentinelSetup) -> Salver {
    let urls = setup.urls();
    let builder = RedisStore::builder(&urls[0]).seed(&urls[1]).seed(&urls[2]);
    let store = builder.sentinel(PRIMARY).build().unwrap();
    let salver = Salver::builder("app").store(store);
    salver.lease(Duration::from_secs(1)).build().unwrap()
}

async fn fail(setup: &SentinelSetup, how: Failure) {
    let (primary, replicas) = setup.servers.split_first().unwrap();
    let all = |name| replicas.iter().for_each(|replica| replica.signal(name));
    match how {
        Failure::Hang => {
            setup.signal_sentinel(0, "STOP");
            primary.signal("STOP");
        }
        Failure::KillIsolated => {
            all("STOP");
            // Otherwise data in the socket buffers would still reach the replicas.
            let _: u64 = primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"replica"]);
            tokio::time::sleep(ISOLATED).await;
            primary.signal("KILL");
            all("CONT");
        }
    }
}

/// Slots move between primaries under load and no call fails. Then a primary fails, and the clients
/// connect to its replica without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_resharding_and_failover_need_no_restart() {
    for _ in 0..by_profile(1, 20) {
        let cluster = Cluster::start_with(3, 1, &PARTIAL_COVERAGE);
        cluster_resharding(&cluster).await;
        cluster_round(&cluster, "KILL").await;
        drop(cluster);
        cluster_round(&Cluster::start_with(3, 1, &PARTIAL_COVERAGE), "STOP").await;
    }
}

async fn cluster_resharding(cluster: &Cluster) {
    let monitors: Vec<_> = cluster.nodes.iter().map(monitor).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("v{n}"), "page")).collect();
    let clients = FailoverClients::new(cluster_handle(cluster), contexts.clone());
    let tasks = clients.start();
    clients.wait_for_rounds(100).await;
    let (slots, slow_slots) = (by_profile(300, 600), by_profile(20, 50));
    let keys: Vec<_> = contexts[..slow_slots].iter().map(Context::key).collect();
    let pause = Duration::from_millis(10);
    tokio::task::block_in_place(|| cluster.move_slots(slots, &keys, pause));
    clients.wait_for_rounds(100).await;
    clients.end(tasks).await;
    clients.read_all().await;
    let errors = clients.errors();
    assert!(
        errors.is_empty(),
        "{} errors: {:?}",
        errors.len(),
        errors[0]
    );
    let mut more = format!("moved={} slow_slots={slow_slots}", slots * 3);
    let mut verdict = clients.verdict(&HashSet::new(), true, &mut more);
    verdict.twice = twice(&monitors);
    assert_eq!(
        verdict.again, 0,
        "a message was received again from its previous node"
    );
    Row {
        test: "cluster_resharding",
        verdict,
        worst_wait: clients.worst_wait(),
        more,
        ..Row::default()
    }
    .report();
}

async fn cluster_round(cluster: &Cluster, signal: &str) {
    let (failing, observer) = (&cluster.nodes[0], &cluster.nodes[1]);
    let monitors: Vec<_> = cluster.nodes.iter().map(monitor).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("w{n}"), "page")).collect();
    let mut affected = contexts.clone();
    affected.retain(|context| cluster.primary_of(observer, &context.key()) == 0);
    let clients = FailoverClients::new(cluster_handle(cluster), contexts);
    let tasks = clients.start();
    clients.wait_for_rounds(200).await;

    failing.signal(signal);
    clients.record_failure(affected);
    let failed = Instant::now();
    let agreed = tokio::task::block_in_place(|| {
        cluster.wait_for_takeover(failing.port, observer);
        failed.elapsed()
    });
    let recovery = clients.wait_for_recovery().await;
    // Leases that the old primary grants from now on, before it becomes a replica, reach no client.
    let mut claimed_twice = twice(&monitors[..1]);
    if signal == "STOP" {
        failing.signal("CONT");
    }
    clients.wait_for_rounds(200).await;
    clients.end(tasks).await;
    clients.read_all().await;

    let mut more = format!("how={signal} agreed_ms={}", agreed.as_millis());
    let mut verdict = clients.verdict(&HashSet::new(), false, &mut more);
    claimed_twice += twice(&monitors[1..]);
    verdict.twice = claimed_twice;
    let longest = (NODE_TIMEOUT + Duration::from_secs(2)).max(agreed + DISCOVERY_TIMEOUT);
    assert!(
        recovery < longest,
        "{recovery:?} after {signal}, the servers agreed after {agreed:?}"
    );
    Row {
        test: "cluster_failover",
        verdict,
        recovery,
        worst_wait: clients.worst_wait(),
        more,
    }
    .report();
}

/// Monitors one server with its own history, so that its leases are compared with its own earlier
/// leases only.
fn monitor(server: &Server) -> (Monitor, History) {
    let history = History::default();
    (Monitor::start(server, &history), history)
}

/// Returns how many leases the servers granted on messages with a running lease.
fn twice(monitors: &[(Monitor, History)]) -> usize {
    let pending = HashSet::new();
    let twice = |(_, history): &(Monitor, History)| history.verdict(&pending).twice;
    monitors.iter().map(twice).sum()
}
