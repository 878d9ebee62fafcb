//! Redis is killed under load, and starts again with its append-only file.

use std::time::{Duration, Instant};

use super::load::{CLIENTS, InboxLoad};
use super::report;
use crate::support::inbox_history::key_differences;
use crate::support::profile::{by_profile, salver};
use crate::support::redis::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_kill_with_aof_loses_no_notifications() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let people = by_profile(50, 400);
    let load = InboxLoad::new(salver(&server.url()), people, true);
    let clients = load.start();
    let (kills, calls) = (by_profile(5, 50), by_profile(4_000, 80_000));
    let mut recovery = Duration::ZERO;
    for kill in 1..=kills {
        load.wait_for(calls * kill / (kills + 1)).await;
        server.kill();
        server.restart();
        let (restarted, before) = (Instant::now(), load.done());
        load.wait_for(before + CLIENTS).await;
        recovery = recovery.max(restarted.elapsed());
    }
    load.wait_for(calls).await;
    load.end(clients).await;
    let errors = load.errors();
    assert!(errors > 0, "no call failed although Redis was killed");
    assert!(recovery < Duration::from_secs(1), "{recovery:?}");
    let verdict = load
        .history
        .verdict(&salver(&server.url()), 0..people)
        .await;
    for number in 0..people {
        assert_eq!(key_differences(&server, number), 0, "keys of {number}");
    }
    let more = format!("kills={kills} calls={} errors={errors}", load.done());
    report(
        "inbox_redis_kill",
        verdict,
        (load.worst_wait(), recovery),
        more,
    );
}
