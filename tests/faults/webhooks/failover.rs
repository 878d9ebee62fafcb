//! Sentinels elect another primary, which does not have the last events of the failed one.

use std::time::Duration;

use salver::Salver;
use salver::store::RedisStore;

use super::scene::{expected, publish, register_fast, report, site, verdict};
use crate::support::sentinels::{PRIMARY, SentinelSetup};
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::deliver;

/// Events before the replicas are cut off, while they are, and after the failover.
const EVENTS: usize = 10;
/// Replication of a write before the isolation may still be under way.
const REPLICATION_LAG: Duration = Duration::from_millis(200);

/// What the failed primary has delivered is delivered again with its id when its event is published again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_loses_last_webhooks_only_and_a_repeat_has_their_ids() {
    let (setup, receiver) = (SentinelSetup::start(2), WebhookReceiver::start());
    let salver = handle(&setup);
    register_fast(&salver, &receiver, "/hook").await;
    publish(&salver, 0..EVENTS).await;
    deliver_all(&salver).await;
    tokio::time::sleep(REPLICATION_LAG).await;

    setup.isolate_primary();
    publish(&salver, EVENTS..2 * EVENTS).await;
    deliver_all(&salver).await;
    publish(&salver, 2 * EVENTS..3 * EVENTS).await;
    let failed = setup.fail_over().await;
    // A handle of its own: the first may wait for the killed server.
    let salver = handle(&setup);
    publish(&salver, 3 * EVENTS..3 * EVENTS + 1).await;
    let recovery = failed.elapsed();
    deliver_all(&salver).await;
    let events = 3 * EVENTS + 1;
    let stated_loss = events - receiver.count();
    assert!(stated_loss > 0, "the primary was not isolated");
    publish(&salver, 0..events).await;
    deliver_all(&salver).await;
    let expected = expected(&["/hook".to_owned()], 0..events);
    let verdict = verdict(&receiver.deliveries(), &expected);
    assert!(
        verdict.again >= EVENTS,
        "nothing that was delivered was lost"
    );
    let more = format!("stated_loss={stated_loss}");
    report("webhooks_sentinel_failover", verdict, recovery, more);
}

/// Delivers all events, those that wait for their slots too.
async fn deliver_all(salver: &Salver) {
    crate::support::eventually("all is delivered", async || {
        deliver(salver).await;
        let counts = salver.deliveries().counts().await.unwrap();
        (counts.due + counts.later == 0).then_some(())
    })
    .await;
}

fn handle(setup: &SentinelSetup) -> Salver {
    let urls = setup.urls();
    let builder = RedisStore::builder(&urls[0]).seed(&urls[1]).seed(&urls[2]);
    site(builder.sentinel(PRIMARY).build().unwrap())
}
