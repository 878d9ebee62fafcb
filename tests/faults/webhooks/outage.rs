//! A receiver that was down for hours gets what was published meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::scene::{is_done, report, verdict};
use crate::support::eventually_within;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{order_paid, register, webhook_settings};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Longer than slots are reserved ahead.
const AHEAD: Duration = Duration::from_secs(61);
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver_that_was_down_for_hours_gets_all_events() {
    let events = by_profile(200, 4_000);
    let inboxes = Inboxes::redis_with_running_clock(webhook_settings, &[]);
    let receiver = WebhookReceiver::start_at(inboxes.clock_file());
    let salver = &inboxes.salver;
    register(salver, &receiver, "/hook", |endpoint| endpoint.rate(60_000)).await;
    receiver.stop();
    let mut running = salver.worker().webhooks().start().unwrap();
    for number in 0..events {
        salver
            .publish(order_paid(&number.to_string()))
            .await
            .unwrap();
    }
    for _ in 0..6 {
        inboxes.advance(HOUR);
        eventually_within(PATIENCE, "an attempt fails", async || {
            let counts = salver.deliveries().counts().await.unwrap();
            (counts.due == 0).then_some(())
        })
        .await;
    }
    receiver.restart();
    let restarted = Instant::now();
    eventually_within(PATIENCE, "the first delivery arrives", async || {
        (receiver.count() > 0).then_some(())
    })
    .await;
    loop {
        // No delivery is in flight while the test moves the clock: its signature would be an old one.
        running.stop().await;
        inboxes.advance(AHEAD);
        running = salver.worker().webhooks().start().unwrap();
        if is_done(salver, &receiver).await {
            break;
        }
    }
    let recovery = restarted.elapsed();
    running.stop().await;
    let all: BTreeSet<_> = (0..events).map(|number| number.to_string()).collect();
    let expected = BTreeMap::from([("/hook".to_owned(), all)]);
    let verdict = verdict(&receiver.deliveries(), &expected);
    report("webhooks_outage", verdict, recovery, "hours=6".to_owned());
}
