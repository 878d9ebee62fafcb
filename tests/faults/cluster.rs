//! What is different where keys of different sessions are on different servers: login, logout, sweep.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Error, Message, MessageId, Salver};
use tokio::time::{sleep, timeout};

use super::column;
use crate::support::cluster::Cluster;
use crate::support::history::{History, Row};
use crate::support::{at, session};
use fastrand::Rng;

const VIEWS: [&str; 3] = ["one", "two", "three"];

/// A handle for all nodes of a Cluster, with a lease that a test can wait for.
pub fn behind(cluster: &Cluster) -> Salver {
    let urls = cluster.urls();
    let builder = RedisStore::builder(&urls[0]);
    let builder = urls
        .iter()
        .skip(1)
        .fold(builder, |builder, url| builder.seed(url));
    let salver = Salver::builder("app").store(builder.cluster().build().unwrap());
    salver.lease(Duration::from_secs(1)).build().unwrap()
}

#[tokio::test]
async fn a_session_lives_and_ends_in_a_cluster() -> Result<(), Error> {
    let cluster = Cluster::start(3, 0);
    let salver = behind(&cluster);
    assert!(
        salver.health().await.is_healthy(),
        "{}",
        salver.health().await
    );
    let mut crossed = 0;
    for n in 0..100 {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let [old, new] = [&before, &after].map(|name| at(name, "page"));
        let [from, to] =
            [&old, &new].map(|context| cluster.home(&cluster.nodes[0], &context.key()));
        crossed += usize::from(from != to);
        salver.add(&old, Message::info("early")).await?;
        salver.migrate(&session(&before), &session(&after)).await?;
        salver.add(&old, Message::info("late, from a job")).await?;
        assert_eq!(salver.count(&old).await?, 0);
        let texts = salver.take(&new).await?;
        let texts: Vec<_> = texts.iter().map(Message::text).collect();
        assert_eq!(texts, ["early", "late, from a job"]);

        salver.close_session(&session(&after)).await?;
        let late = salver.add(&old, Message::info("too late")).await;
        assert!(late.unwrap_err().is_closed());
        assert_eq!(salver.contexts(&session(&after)).await?, []);
    }
    assert!(crossed > 10, "the sessions moved on one server each");
    Ok(())
}

#[tokio::test]
async fn a_sweep_goes_over_every_node_of_a_cluster() -> Result<(), Error> {
    let cluster = Cluster::start(3, 0);
    let salver = behind(&cluster);
    for n in 0..300 {
        let message = Message::info("to be swept");
        salver.add(&at(&format!("v{n}"), "page"), message).await?;
    }
    let mut nodes = HashSet::new();
    sleep(Duration::from_millis(5)).await;
    let swept = salver.sweep(Duration::from_millis(1), |so_far| {
        nodes.extend(
            so_far
                .cursor
                .as_ref()
                .map(|next| next.split('-').next().unwrap().to_owned()),
        );
    });
    assert_eq!(swept.await?.removed, 300);
    assert!(nodes.len() >= 3, "{nodes:?}");
    for node in &cluster.nodes {
        let keys: Vec<String> = node.run(&[b"KEYS", b"app:*"]);
        assert_eq!(keys.len(), 0);
    }
    Ok(())
}

/// Logins that break off at any step and are repeated, while pages of the old session confirm.
#[tokio::test]
async fn cluster_login_broken_off() {
    let cluster = Cluster::start(3, 0);
    let (salver, history) = (behind(&cluster), History::default());
    let (mut rng, mut broken_off) = (Rng::with_seed(7), 0);
    for n in 0..column(200, 5_000) {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let mut claims = Vec::new();
        for view in VIEWS {
            let old = at(&before, view);
            for _ in 0..3 {
                // It says whose it will be.
                let message = history.message(&at(&after, view));
                salver.add(&old, message.clone()).await.unwrap();
                history.acknowledged(&message);
            }
            if rng.u64(..2) == 0 {
                claims.push(salver.claim(&old).await.unwrap());
            }
        }
        let confirm = async {
            for claim in &claims {
                sleep(Duration::from_micros(rng.u64(..1_500))).await;
                history.given(
                    &at(&after, claim.members[0].context.view().as_str()),
                    claim.messages(),
                );
                salver.confirm(claim).await.unwrap();
            }
        };
        let mut pauses = Rng::with_seed(n as u64);
        let login = async {
            let [from, to] = [session(&before), session(&after)];
            loop {
                let patience = Duration::from_micros(200 + pauses.u64(..3_000));
                match timeout(patience, salver.migrate(&from, &to)).await {
                    Ok(moved) => return moved.unwrap(),
                    Err(_) => broken_off += 1,
                }
            }
        };
        tokio::join!(confirm, login);
        for view in VIEWS {
            let new = at(&after, view);
            history.given(&new, &salver.take(&new).await.unwrap());
            assert_eq!(salver.count(&at(&before, view)).await.unwrap(), 0);
        }
    }
    assert!(broken_off > 20, "only {broken_off} logins broke off");
    let verdict = history.verdict(&HashSet::new());
    assert_eq!(verdict.again, 0, "what was confirmed on the way came again");
    let more = format!("broken_off={broken_off}");
    Row {
        test: "cluster_login_broken_off",
        verdict,
        more,
        ..Row::default()
    }
    .judge();
}

/// Large contexts take a while from one node to the other: what a page of the old session confirms meanwhile
/// was shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_confirmed_while_it_is_carried_is_not_shown_again() {
    let cluster = Cluster::start(3, 0);
    let salver = behind(&cluster);
    let mut rng = Rng::with_seed(3);
    // The confirm comes at some time within the move, however long that takes here.
    let mut move_takes = Duration::from_millis(20);
    for n in 0..100 {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let (old, new) = (at(&before, "page"), at(&after, "page"));
        salver.add(&old, Message::info("shown")).await.unwrap();
        let claim = salver.claim(&old).await.unwrap();
        let large = Message::info("x".repeat(4_000));
        for _ in 0..80 {
            let one = large.clone().with_id(MessageId::new());
            salver.add(&old, one).await.unwrap();
        }
        let confirm = tokio::spawn({
            let (salver, started) = (salver.clone(), Instant::now());
            let wait = move_takes.mul_f64(rng.u64(..1000) as f64 / 1000.0);
            async move {
                // A timer counts whole milliseconds, of which a move takes few.
                while started.elapsed() < wait {
                    tokio::task::yield_now().await;
                }
                salver.confirm(&claim).await.unwrap();
            }
        });
        let [from, to] = [session(&before), session(&after)];
        let started = Instant::now();
        salver.migrate(&from, &to).await.unwrap();
        move_takes = started.elapsed();
        confirm.await.unwrap();
        assert_eq!(cluster.members(&new), 80, "after {n} logins");
    }
}
