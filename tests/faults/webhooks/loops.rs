//! Endpoints that answer each other, and dead letters of dead letters, end.

use std::time::Duration;

use salver::events::Event;
use salver::webhooks::{DELIVERY_DEAD, MAX_RESULTS};

use super::scene::report;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{arrived, register, webhook_settings};

const WIDTH: usize = 10;
const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// The longest pauses between the attempts of a job. They end before an endpoint that fails is disabled.
const PAUSES: [u64; 8] = [
    6 * SECOND,
    36 * SECOND,
    150 * SECOND,
    12 * MINUTE,
    75 * MINUTE,
    8 * HOUR,
    29 * HOUR,
    58 * HOUR,
];

/// Ten endpoints answer each event with one that all ten get: without a limit, 10^8 deliveries of the first event.
#[tokio::test]
async fn results_of_one_event_end_at_a_thousand() {
    let mut verdict = Verdict::default();
    // 10,010 deliveries on each store.
    let stores = [Inboxes::redis_with, Inboxes::memory_with];
    for store in &stores[..by_profile(1, 2)] {
        let inboxes = store(webhook_settings);
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        for number in 0..WIDTH {
            let path = format!("/{number}");
            register(salver, &receiver, &path, |endpoint| {
                endpoint.types(["loop"]).results(["loop"]).rate(60_000)
            })
            .await;
            let reply = Reply::status(200).with_header("Content-Type", "application/json");
            receiver.set_replies(&path, &[reply.with_body("1")]);
        }
        salver
            .publish(Event::new("loop").id("first"))
            .await
            .unwrap();
        let running = salver.worker().webhooks().start().unwrap();
        let all = WIDTH * (1 + MAX_RESULTS);
        arrived(&inboxes, &receiver, all).await;
        crate::support::eventually("no delivery is left", async || {
            inboxes.advance_if_manual(Duration::from_millis(50));
            let counts = salver.deliveries().counts().await.unwrap();
            (counts.due + counts.later == 0).then_some(())
        })
        .await;
        running.stop().await;
        verdict.n += all;
        verdict.received += receiver.deliveries().len();
    }
    assert_eq!(verdict.received, verdict.n);
    let more = format!("width={WIDTH}");
    report("webhooks_result_loop", verdict, Duration::ZERO, more);
}

/// An endpoint for dead letters is down itself: its own dead letters are not reported.
#[tokio::test]
async fn dead_letter_of_a_dead_letter_ends() {
    let mut verdict = Verdict::default();
    for inboxes in [
        Inboxes::memory_with(webhook_settings),
        Inboxes::redis_with_clock_and(webhook_settings),
    ] {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| {
            endpoint.types(["order.paid"])
        })
        .await;
        register(salver, &receiver, "/dead", |endpoint| {
            endpoint.types([DELIVERY_DEAD])
        })
        .await;
        receiver.stop();
        salver
            .publish(Event::new("order.paid").id("1"))
            .await
            .unwrap();
        // The last attempt of a delivery is in the round of the next one, its dead letter.
        for pause in PAUSES.repeat(3) {
            salver.worker().webhooks().drain().await.unwrap();
            inboxes.advance(Duration::from_secs(pause));
        }
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!((counts.due, counts.later, counts.dead), (0, 0, 2));
        verdict.n += 2;
        verdict.received += 2;
    }
    report(
        "webhooks_dead_letters",
        verdict,
        Duration::ZERO,
        "dead=4".to_owned(),
    );
}
