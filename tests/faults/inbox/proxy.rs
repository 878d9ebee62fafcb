//! Replies are lost, duplicated or shifted between a handle and Redis.

use std::time::{Duration, Instant};

use super::load::{CLIENTS, InboxLoad};
use super::report;
use crate::support::inbox_history::key_differences;
use crate::support::profile::{by_profile, salver};
use crate::support::proxy::{Fault, Proxy, REPLY_FAULTS};
use crate::support::redis::Server;

/// How long each fault lasts in the default profile, and in the full one.
const FAULT_MILLIS: [usize; 2] = [1_000, 10_000];

/// No reader receives what belongs to another person or to another call, and a repeat makes one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_shifted_replies_reach_no_other_caller() {
    let server = Server::start();
    let proxy = Proxy::start(server.port);
    // Few people: the calls of one inbox meet each other.
    let people = by_profile(20, 400);
    let load = InboxLoad::new(salver(&proxy.url()), people, true);
    let clients = load.start();
    let (mut recovery, [default, full]) = (Duration::ZERO, FAULT_MILLIS);
    let time = Duration::from_millis(by_profile(default, full) as u64);
    for fault in REPLY_FAULTS {
        load.wait_for(load.done() + 10 * CLIENTS).await;
        proxy.set(fault);
        tokio::time::sleep(time).await;
        proxy.set(Fault::None);
        let ended = Instant::now();
        load.wait_for(load.done() + CLIENTS).await;
        recovery = recovery.max(ended.elapsed());
    }
    load.wait_for(load.done() + 10 * CLIENTS).await;
    load.end(clients).await;
    let errors = load.errors();
    assert!(errors > 0, "no call failed");
    assert!(load.history.acknowledged() >= 200, "too few notifications");
    let verdict = load
        .history
        .verdict(&salver(&server.url()), 0..people)
        .await;
    for number in 0..people {
        assert_eq!(key_differences(&server, number), 0, "keys of {number}");
    }
    let more = format!(
        "faults={} calls={} errors={errors}",
        REPLY_FAULTS.len(),
        load.done()
    );
    report(
        "inbox_replies_shifted",
        verdict,
        (load.worst_wait(), recovery),
        more,
    );
}
