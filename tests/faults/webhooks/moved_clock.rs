//! The clock of the store moves between a publication, its attempts and the next publication.

use std::time::Duration;

use super::scene::{expected, publish, report, verdict};
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{deliver, register, webhook_settings};

const HOUR: Duration = Duration::from_secs(60 * 60);
const ROUNDS: usize = 12;

/// An event that is published after the clock was set back is delivered at once, and one that was published before when
/// its time has come again.
#[tokio::test]
async fn clock_that_moves_costs_no_webhook_and_delays_none_that_is_published_afterwards() {
    let inboxes = Inboxes::redis_with_clock_and(webhook_settings);
    let receiver = WebhookReceiver::start_at(inboxes.clock_file());
    let (salver, mut paths) = (&inboxes.salver, Vec::new());
    for number in 0..2 {
        let path = format!("/{number}");
        register(salver, &receiver, &path, |endpoint| endpoint.rate(60_000)).await;
        paths.push(path);
    }
    let (rounds, mut delayed) = (by_profile(ROUNDS, 20 * ROUNDS), 0);
    let mut events = 0;
    for round in 0..rounds {
        // Every third round has an attempt that fails before the clock is moved.
        if round % 3 == 0 {
            receiver.set_replies("/1", &[Reply::status(503), Reply::status(204)]);
            publish(salver, events..events + 1).await;
            deliver(salver).await;
        } else {
            publish(salver, events..events + 1).await;
        }
        match round % 4 {
            0 | 1 => inboxes.rewind(HOUR),
            2 => inboxes.advance(24 * HOUR),
            _ => {}
        }
        publish(salver, events + 1..events + 2).await;
        events += 2;
        deliver(salver).await;
        let body = format!(r#""id":"{}""#, events - 1);
        let deliveries = receiver.deliveries();
        let arrived = deliveries.iter().filter(|one| one.body.contains(&body));
        let arrived: Vec<_> = arrived.map(|one| one.path.as_str()).collect();
        assert!(arrived.contains(&"/0"), "round {round}");
        // Those to an endpoint that fails are apart.
        delayed += 2 - arrived.len();
        // What was planned before the clock was set back.
        for _ in 0..2 {
            inboxes.advance(HOUR);
            deliver(salver).await;
        }
    }
    let deliveries = receiver.deliveries();
    let verdict = verdict(&deliveries, &expected(&paths, 0..events));
    report(
        "webhooks_moved_clock",
        verdict,
        Duration::ZERO,
        format!("rounds={rounds} delayed={delayed}"),
    );
}
