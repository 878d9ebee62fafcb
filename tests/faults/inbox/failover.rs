//! Sentinels elect another primary, which does not have the last writes of the failed one. A repeat
//! makes one of each notification.

use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Recipient, Salver};

use super::load::{CLIENTS, InboxLoad};
use super::report;
use crate::support::inbox_history::{key_differences, person};
use crate::support::profile::by_profile;
use crate::support::sentinels::{DOWN_AFTER, PRIMARY, SentinelSetup};

const PEOPLE: usize = 60;
/// How long the primary runs without its replicas before it is killed.
const ISOLATED: Duration = Duration::from_millis(200);
/// Replication of a write before the isolation may still be under way.
const REPLICATION_LAG: Duration = Duration::from_millis(200);
/// Maximum time until every client has connected to the new primary.
const MAX_RECOVERY: Duration = DOWN_AFTER.saturating_add(Duration::from_secs(5));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_failover_loses_last_second_only_and_repeat_makes_one() {
    for _ in 0..by_profile(1, 20) {
        round().await;
    }
}

async fn round() {
    let setup = SentinelSetup::start(2);
    let load = InboxLoad::new(handle(&setup), PEOPLE, false);
    let clients = load.start();
    load.wait_for(800).await;

    let isolated = Instant::now();
    setup.isolate_primary();
    tokio::time::sleep(ISOLATED).await;
    let failed = setup.fail_over().await;
    load.wait_for(load.done() + CLIENTS).await;
    let recovery = failed.elapsed();
    load.wait_for(load.done() + 800).await;
    load.end(clients).await;
    let errors = load.errors();
    assert!(recovery < MAX_RECOVERY, "{recovery:?}");

    let salver = handle(&setup);
    let missing = load.history.missing(&salver, 0..PEOPLE).await;
    for (number, note, acknowledged) in &missing {
        // Before the Sentinels consider the primary down, no other one acknowledges: a client may record
        // a reply of the killed one later than the kill.
        let is_of_old_primary = *acknowledged < failed + DOWN_AFTER;
        let is_stated = *acknowledged + REPLICATION_LAG > isolated && is_of_old_primary;
        assert!(is_stated, "a notification of v{number} is lost");
        for _ in 0..2 {
            repeat(&salver, person(*number), note).await;
        }
    }
    assert!(!missing.is_empty(), "the primary was not isolated");
    let verdict = load.history.verdict(&salver, 0..PEOPLE).await;
    let server = &setup.servers[setup.new_primary(0).expect("no server is the primary")];
    for number in 0..PEOPLE {
        assert_eq!(key_differences(server, number), 0, "keys of {number}");
    }
    let more = format!("stated_loss={} errors={errors}", missing.len());
    report(
        "inbox_sentinel_failover",
        verdict,
        (load.worst_wait(), recovery),
        more,
    );
}

async fn repeat(salver: &Salver, recipient: Recipient, note: &salver::Notification) {
    salver.notify([recipient], note.clone()).await.unwrap();
}

fn handle(setup: &SentinelSetup) -> Salver {
    let urls = setup.urls();
    let builder = RedisStore::builder(&urls[0]).seed(&urls[1]).seed(&urls[2]);
    Salver::new("app", builder.sentinel(PRIMARY).build().unwrap()).unwrap()
}
