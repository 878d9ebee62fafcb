//! Servers that fail while others stand by: Sentinels choose another primary, a Cluster another owner of slots.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Message, Salver};

use super::cluster::behind;
use super::failover_clients::Traffic;
use super::{column, pending};
use crate::index;
use crate::support::cluster::{Cluster, NODE_TIMEOUT};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::redis::Server;
use crate::support::sentinels::{DOWN_AFTER, PRIMARY, Watched};
use crate::support::{at, eventually};
use crate::web::site::adas;

/// How a primary fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    /// It hangs, and with it the Sentinel that stands on the same machine.
    Hang,
    /// It is killed when no replica has been reached for a while.
    KillAlone,
}

/// How long a primary goes on that its replicas do not hear of any more.
const ALONE: Duration = Duration::from_millis(200);
/// How long after the Sentinels or the Cluster have settled on the next primary everybody may need to find it.
const FINDING: Duration = Duration::from_millis(600);

/// Slots whose servers are well go on where others are nobody's.
const PARTLY: [&str; 2] = ["--cluster-require-full-coverage", "no"];

/// The primary that three Sentinels watch fails under load, and callers find the next one without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_failover() {
    for _ in 0..column(1, 20) {
        sentinel_round(Failure::Hang, 1).await;
        sentinel_round(Failure::KillAlone, 0).await;
        sentinel_round(Failure::KillAlone, 1).await;
    }
}

/// A primary that becomes a replica, and hangs up on nobody, says `READONLY`: then it is left.
#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_left() {
    let next = Server::start();
    let first = Server::start();
    let monitor = format!("sentinel monitor {PRIMARY} 127.0.0.1 {} 1", first.port);
    let watched = Watched::alone(first, &monitor);
    let store = RedisStore::builder(&watched.urls()[0])
        .sentinel(PRIMARY)
        .build();
    let salver = Salver::new("app", store.unwrap()).unwrap();
    let page = at("ada", "page");
    salver
        .add(&page, Message::info("to the first"))
        .await
        .unwrap();
    watched.watch(&next);
    let port = next.port.to_string();
    let follow: [&[u8]; 3] = [b"REPLICAOF", b"127.0.0.1", port.as_bytes()];
    let _: String = watched.servers[0].run(&follow);
    salver
        .add(&page, Message::info("to the next"))
        .await
        .unwrap();
    assert_eq!(next.run::<u64>(&[b"ZCARD", page.key().as_bytes()]), 1);
}

/// A primary that is cut off from its Sentinels goes on calling itself the primary, and tells of changes that
/// nobody makes.
#[actix_web::test]
async fn a_primary_that_was_replaced_unheard_is_not_listened_to() {
    const NOTICED: Duration = Duration::from_millis(2_500);

    let (next, first) = (Server::start(), Server::start());
    let monitor = format!("sentinel monitor {PRIMARY} 127.0.0.1 {} 1", first.port);
    let watched = Watched::alone(first, &monitor);
    let store = RedisStore::builder(&watched.urls()[0])
        .sentinel(PRIMARY)
        .build();
    let (salver, report) = index::process_on(store.unwrap(), |salver| salver);
    let site = index::site_of_a_page(&salver).await;
    index::settled(&report, || site.get("/p")).await;
    watched.watch(&next);
    let replaced = Instant::now();
    // Who calls finds the next one; who listens hears nothing of it.
    let first = &watched.servers[0];
    let _: u64 = first.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    index::foreign_zadd(&next, &adas(&salver, "p"), "in the next one");
    eventually("the page shows it", async || {
        site.get("/p").await.shows("in the next one").then_some(())
    })
    .await;
    assert!(replaced.elapsed() < NOTICED, "{:?}", replaced.elapsed());
    salver.flush().await;
    index::settled(&report, || site.get("/p")).await;
    let listening = [first, &next].map(|server| index::listening(server).len());
    assert_eq!(listening, [0, 1]);
    // What they name now is not left again, nor when they are silent.
    let before = index::listening(&next);
    for signal in ["CONT", "STOP"] {
        watched.signal_sentinel(0, signal);
        tokio::time::sleep(NOTICED).await;
        assert_eq!(index::listening(&next), before, "{signal}");
    }
}

async fn sentinel_round(how: Failure, replicas: u32) {
    let watched = Watched::start(2);
    let testimonies: Vec<_> = watched.servers.iter().map(testimony).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("v{n}"), "page")).collect();
    let salver = behind_sentinels(&watched).replicated(replicas);
    let traffic = Traffic::new(salver, contexts.clone());
    let clients = traffic.start();
    traffic.goes_on(200).await;

    fail(&watched, how).await;
    traffic.fails(contexts.clone());
    let failed = Instant::now();
    let settled = tokio::task::spawn_blocking({
        let watching = watched.watching();
        move || {
            watching.settle();
            failed.elapsed()
        }
    });
    let (recovery, settled) = (traffic.recovers().await, settled.await.unwrap());
    // What it grants from now on, before it hears that it is the primary no more, nobody waits for.
    let mut granted_twice = twice(&testimonies[..1]);
    if how == Failure::Hang {
        watched.servers[0].signal("CONT");
    }
    traffic.goes_on(200).await;
    traffic.end(clients).await;
    traffic.read_all().await;

    let successor = watched.successor(0).expect("nobody is the primary");
    let pending = pending(&watched.servers[successor], &contexts);
    let judged = replicas > 0;
    let mut more = format!(
        "how={how:?} replicas={replicas} settled_ms={}",
        settled.as_millis()
    );
    let mut verdict = traffic.verdict(&pending, judged, &mut more);
    granted_twice += twice(&testimonies[1..]);
    verdict.twice = granted_twice;
    let longest = (DOWN_AFTER + Duration::from_secs(2)).max(settled + FINDING);
    assert!(
        recovery < longest,
        "{recovery:?} after {how:?}, settled after {settled:?}"
    );
    Row {
        test: "sentinel_failover",
        verdict,
        recovery,
        worst_wait: traffic.worst_wait(),
        more,
    }
    .judge();
}

fn behind_sentinels(watched: &Watched) -> Salver {
    let urls = watched.urls();
    let builder = RedisStore::builder(&urls[0]).seed(&urls[1]).seed(&urls[2]);
    let store = builder.sentinel(PRIMARY).build().unwrap();
    let salver = Salver::builder("app").store(store);
    salver.lease(Duration::from_secs(1)).build().unwrap()
}

async fn fail(watched: &Watched, how: Failure) {
    let (primary, replicas) = watched.servers.split_first().unwrap();
    let all = |name| replicas.iter().for_each(|replica| replica.signal(name));
    match how {
        Failure::Hang => {
            watched.signal_sentinel(0, "STOP");
            primary.signal("STOP");
        }
        Failure::KillAlone => {
            all("STOP");
            // What is on its way to them would still arrive.
            let _: u64 = primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"replica"]);
            tokio::time::sleep(ALONE).await;
            primary.signal("KILL");
            all("CONT");
        }
    }
}

/// Slots move between primaries under load and nobody notices; then a primary fails, and callers find the
/// replica that took its place without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_resharding_and_kill() {
    for _ in 0..column(1, 20) {
        let cluster = Cluster::start_with(3, 1, &PARTLY);
        cluster_resharding(&cluster).await;
        cluster_round(&cluster, "KILL").await;
        drop(cluster);
        cluster_round(&Cluster::start_with(3, 1, &PARTLY), "STOP").await;
    }
}

async fn cluster_resharding(cluster: &Cluster) {
    let testimonies: Vec<_> = cluster.nodes.iter().map(testimony).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("v{n}"), "page")).collect();
    let traffic = Traffic::new(behind(cluster), contexts.clone());
    let clients = traffic.start();
    traffic.goes_on(100).await;
    let (slots, slowly) = (column(300, 600), column(20, 50));
    tokio::task::block_in_place(|| {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            cluster.reshard(&cluster.nodes[from], &cluster.nodes[to], slots);
        }
        for context in &contexts[..slowly] {
            let home = cluster.home(&cluster.nodes[0], &context.key());
            let (from, to) = (&cluster.nodes[home], &cluster.nodes[(home + 1) % 3]);
            cluster.move_slowly(&context.key(), from, to, Duration::from_millis(10));
        }
    });
    traffic.goes_on(100).await;
    traffic.end(clients).await;
    traffic.read_all().await;
    let errors = traffic.errors();
    assert!(
        errors.is_empty(),
        "{} errors: {:?}",
        errors.len(),
        errors[0]
    );
    let mut more = format!("moved={} slowly={slowly}", slots * 3);
    let mut verdict = traffic.verdict(&HashSet::new(), true, &mut more);
    verdict.twice = twice(&testimonies);
    assert_eq!(
        verdict.again, 0,
        "a message came again from where it had been"
    );
    Row {
        test: "cluster_resharding",
        verdict,
        worst_wait: traffic.worst_wait(),
        more,
        ..Row::default()
    }
    .judge();
}

async fn cluster_round(cluster: &Cluster, signal: &str) {
    let (failing, seen_by) = (&cluster.nodes[0], &cluster.nodes[1]);
    let testimonies: Vec<_> = cluster.nodes.iter().map(testimony).collect();
    let contexts: Vec<_> = (0..100).map(|n| at(&format!("w{n}"), "page")).collect();
    let mut hit = contexts.clone();
    hit.retain(|context| cluster.home(seen_by, &context.key()) == 0);
    let traffic = Traffic::new(behind(cluster), contexts);
    let clients = traffic.start();
    traffic.goes_on(200).await;

    failing.signal(signal);
    traffic.fails(hit);
    let failed = Instant::now();
    let settled = tokio::task::block_in_place(|| {
        cluster.settle(failing.port, seen_by);
        failed.elapsed()
    });
    let recovery = traffic.recovers().await;
    // What it grants from now on, before it hears that it is a primary no more, nobody waits for.
    let mut granted_twice = twice(&testimonies[..1]);
    if signal == "STOP" {
        failing.signal("CONT");
    }
    traffic.goes_on(200).await;
    traffic.end(clients).await;
    traffic.read_all().await;

    let mut more = format!("how={signal} settled_ms={}", settled.as_millis());
    let mut verdict = traffic.verdict(&HashSet::new(), false, &mut more);
    granted_twice += twice(&testimonies[1..]);
    verdict.twice = granted_twice;
    let longest = (NODE_TIMEOUT + Duration::from_secs(2)).max(settled + FINDING);
    assert!(
        recovery < longest,
        "{recovery:?} after {signal}, settled after {settled:?}"
    );
    Row {
        test: "cluster_resharding_and_kill",
        verdict,
        recovery,
        worst_wait: traffic.worst_wait(),
        more,
    }
    .judge();
}

/// Listens to one server: what it grants is judged by what it granted before.
fn testimony(server: &Server) -> (Monitor, History) {
    let history = History::default();
    (Monitor::start(server, &history), history)
}

/// Counts the leases that a server granted on what was leased already.
fn twice(testimonies: &[(Monitor, History)]) -> usize {
    let nothing = HashSet::new();
    let twice = |(_, history): &(Monitor, History)| history.verdict(&nothing).twice;
    testimonies.iter().map(twice).sum()
}
