//! Sentinels elect another primary, which does not have the last events of the failed one.

use std::time::Duration;

use salver::Salver;
use salver::store::RedisStore;

use super::scene::{edit, edits, notified, person, report, until_accepted, verdict};
use crate::support::sentinels::{DOWN_AFTER, PRIMARY, SentinelSetup};

const PEOPLE: usize = 20;
/// Events before the replicas are cut off, while they are, and after the failover.
const EVENTS: usize = 10;
/// Replication of a write before the isolation may still be under way.
const REPLICATION_LAG: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_loses_last_events_only_and_a_repeat_makes_one_of_each() {
    let setup = SentinelSetup::start(2);
    let salver = handle(&setup);
    let publish = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            until_accepted(async || salver.publish(edit(number)).await).await;
        }
    };
    for number in 0..PEOPLE {
        let subscribe = async || salver.subscribe(&person(number), edits()).await.map(drop);
        until_accepted(subscribe).await;
    }
    publish(0..EVENTS).await;
    salver.worker().events().drain().await.unwrap();
    tokio::time::sleep(REPLICATION_LAG).await;

    setup.isolate_primary();
    publish(EVENTS..2 * EVENTS).await;
    let failed = setup.fail_over().await;
    // A handle of its own: the first may wait for the killed server.
    let salver = handle(&setup);
    until_accepted(async || salver.publish(edit(2 * EVENTS)).await).await;
    let recovery = failed.elapsed();
    assert!(
        recovery < DOWN_AFTER + Duration::from_secs(20),
        "{recovery:?}"
    );
    salver.worker().events().drain().await.unwrap();
    let before = notified(&salver, &person(0)).await.len();
    let stated_loss = 2 * EVENTS + 1 - before;
    assert!(stated_loss > 0, "the primary was not isolated");
    for _ in 0..2 {
        for number in 0..2 * EVENTS + 1 {
            salver.publish(edit(number)).await.unwrap();
        }
        salver.worker().events().drain().await.unwrap();
    }
    let verdict = verdict(&salver, 0..PEOPLE, 0..2 * EVENTS + 1).await;
    let more = format!("stated_loss={stated_loss}");
    report(
        "events_sentinel_failover",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}

fn handle(setup: &SentinelSetup) -> Salver {
    let urls = setup.urls();
    let builder = RedisStore::builder(&urls[0]).seed(&urls[1]).seed(&urls[2]);
    Salver::new("app", builder.sentinel(PRIMARY).build().unwrap()).unwrap()
}
