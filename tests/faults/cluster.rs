//! Operations on keys of several sessions in a Cluster, where the keys are on different nodes:
//! login, logout, sweep.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Error, Message, MessageId, Salver};
use tokio::time::{sleep, timeout};

use crate::support::cluster::{Cluster, cluster_handle};
use crate::support::history::{History, Row};
use crate::support::profile::by_profile;
use crate::support::{at, eventually, session};
use fastrand::Rng;

const VIEWS: [&str; 3] = ["one", "two", "three"];

#[tokio::test]
async fn session_migrates_and_closes_across_cluster_nodes() -> Result<(), Error> {
    let cluster = Cluster::start(3, 0);
    let salver = cluster_handle(&cluster);
    assert!(
        salver.health().await.is_healthy(),
        "{}",
        salver.health().await
    );
    let mut moved_to_other_node = 0;
    for n in 0..100 {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let [old, new] = [&before, &after].map(|name| at(name, "page"));
        let [from, to] =
            [&old, &new].map(|context| cluster.primary_of(&cluster.nodes[0], &context.key()));
        moved_to_other_node += usize::from(from != to);
        salver.add(&old, Message::info("early")).await?;
        salver.migrate(&session(&before), &session(&after)).await?;
        salver.add(&old, Message::info("late, from a job")).await?;
        assert_eq!(salver.count(&old).await?, 0);
        let texts = salver.take(&new).await?;
        let texts: Vec<_> = texts.iter().map(Message::text).collect();
        assert_eq!(texts, ["early", "late, from a job"]);

        salver.close_session(&session(&after)).await?;
        let late = salver.add(&old, Message::info("too late")).await;
        assert!(late.unwrap_err().is_session_closed());
        assert_eq!(salver.contexts(&session(&after)).await?, []);
    }
    assert!(
        moved_to_other_node > 10,
        "almost no session moved to another node"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_waits_for_migrating_hash_slot() {
    // Longer than the retries of the Cluster client, and shorter than those of Salver.
    const PAUSE: Duration = Duration::from_millis(300);

    let cluster = Cluster::start(3, 0);
    let urls = cluster.urls();
    let store = RedisStore::builder(&urls[0]).cluster().build().unwrap();
    let salver = Salver::builder("app").store(store);
    let salver = salver.call_timeout(Duration::from_secs(5)).build().unwrap();
    let context = at("ada", "orders");
    salver.add(&context, Message::info("before")).await.unwrap();

    let source = cluster.primary_of(&cluster.nodes[0], &context.key());
    let (from, to) = (&cluster.nodes[source], &cluster.nodes[(source + 1) % 3]);
    let key = context.key();
    std::thread::scope(|threads| {
        threads.spawn(|| cluster.migrate_slot_slowly(&key, from, to, PAUSE));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                eventually("the keys of the slot are on both nodes", async || {
                    let slot: u64 = to.run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
                    let slot = slot.to_string();
                    let keys: u64 = to.run(&[b"CLUSTER", b"COUNTKEYSINSLOT", slot.as_bytes()]);
                    (keys == 1).then_some(())
                })
                .await;
                let added = salver.add(&context, Message::info("during")).await;
                added.expect("the add does not wait for the migration");
            });
        });
    });
    assert_eq!(salver.count(&context).await.unwrap(), 2);
}

#[tokio::test]
async fn sweep_covers_every_cluster_node() -> Result<(), Error> {
    let cluster = Cluster::start(3, 0);
    let salver = cluster_handle(&cluster);
    for n in 0..300 {
        let message = Message::info("to be swept");
        salver.add(&at(&format!("v{n}"), "page"), message).await?;
    }
    let mut nodes = HashSet::new();
    sleep(Duration::from_millis(5)).await;
    let swept = salver.sweep(Duration::from_millis(1), |progress| {
        nodes.extend(
            progress
                .cursor
                .as_ref()
                .map(|cursor| cursor.split('-').next().unwrap().to_owned()),
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

/// Logins are interrupted at random steps and repeated, while pages of the old session confirm.
#[tokio::test]
async fn interrupted_cluster_login_loses_no_messages() {
    let cluster = Cluster::start(3, 0);
    let (salver, history) = (cluster_handle(&cluster), History::default());
    let (mut rng, mut interrupted) = (Rng::with_seed(7), 0);
    for n in 0..by_profile(200, 5_000) {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let mut claims = Vec::new();
        for view in VIEWS {
            let old = at(&before, view);
            for _ in 0..3 {
                // Its text names the session that will own it after the login.
                let message = history.message(&at(&after, view));
                salver.add(&old, message.clone()).await.unwrap();
                history.record_acknowledged(&message);
            }
            if rng.u64(..2) == 0 {
                claims.push(salver.claim(&old).await.unwrap());
            }
        }
        let confirm = async {
            for claim in &claims {
                sleep(Duration::from_micros(rng.u64(..1_500))).await;
                history.record_received_messages(
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
                let deadline = Duration::from_micros(200 + pauses.u64(..3_000));
                match timeout(deadline, salver.migrate(&from, &to)).await {
                    Ok(result) => return result.unwrap(),
                    Err(_) => interrupted += 1,
                }
                // A page of the new session between two attempts.
                for new in VIEWS.map(|view| at(&after, view)) {
                    let shown = salver.take(&new).await.unwrap();
                    history.record_received_messages(&new, &shown);
                }
            }
        };
        tokio::join!(confirm, login);
        for view in VIEWS {
            let new = at(&after, view);
            history.record_received_messages(&new, &salver.take(&new).await.unwrap());
            assert_eq!(salver.count(&at(&before, view)).await.unwrap(), 0);
            assert_eq!(cluster.members(&new), 0, "a confirmed message is left");
        }
    }
    assert!(
        interrupted > 20,
        "only {interrupted} logins were interrupted"
    );
    let verdict = history.verdict(&HashSet::new());
    assert_eq!(
        verdict.again, 0,
        "a message was received again after its confirm"
    );
    let more = format!("interrupted={interrupted}");
    Row {
        test: "cluster_login_interrupted",
        verdict,
        more,
        ..Row::default()
    }
    .report();
}

/// Copying a large context to another node takes time. A message that a page of the old session
/// confirms meanwhile must not reappear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_confirmed_during_migration_does_not_reappear() {
    let cluster = Cluster::start(3, 0);
    let salver = cluster_handle(&cluster);
    let mut rng = Rng::with_seed(3);
    // The confirm runs at a random time within the migration, whose duration is measured.
    let mut migration_time = Duration::from_millis(20);
    for n in 0..100 {
        let [before, after] = [format!("before{n}"), format!("after{n}")];
        let (old, new) = (at(&before, "page"), at(&after, "page"));
        salver.add(&old, Message::info("shown")).await.unwrap();
        let claim = salver.claim(&old).await.unwrap();
        let large = Message::info("x".repeat(4_000));
        for _ in 0..80 {
            let message = large.clone().with_id(MessageId::new());
            salver.add(&old, message).await.unwrap();
        }
        let confirm = tokio::spawn({
            let (salver, started) = (salver.clone(), Instant::now());
            let wait = migration_time.mul_f64(rng.u64(..1000) as f64 / 1000.0);
            async move {
                // A busy loop: timers have a resolution of 1 ms, and a migration takes only a few.
                while started.elapsed() < wait {
                    tokio::task::yield_now().await;
                }
                salver.confirm(&claim).await.unwrap();
            }
        });
        let [from, to] = [session(&before), session(&after)];
        let started = Instant::now();
        salver.migrate(&from, &to).await.unwrap();
        migration_time = started.elapsed();
        confirm.await.unwrap();
        assert_eq!(cluster.members(&new), 80, "after {n} logins");
    }
}
