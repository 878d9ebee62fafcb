//! Endpoints that answer slowly, wrongly or not at all cost the others nothing.

use std::time::{Duration, Instant};

use salver::Salver;
use salver::events::Event;
use salver::jobs::DeliveryState;
use salver::webhooks::EndpointState;

use super::scene::report;
use crate::support::eventually_within;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{register, webhook_settings};

const PATIENCE: Duration = Duration::from_secs(60);
/// Bad endpoints of each kind.
const EACH: usize = 3;

/// Publishes events, and returns the 95th percentile of the time until each has arrived at the good endpoint.
async fn p95(salver: &Salver, receiver: &WebhookReceiver, round: &str, count: usize) -> Duration {
    let before = receiver
        .deliveries()
        .iter()
        .filter(|one| one.path == "/good")
        .count();
    let mut times = Vec::new();
    for number in 0..count {
        let started = Instant::now();
        let event = Event::new("order.paid").id(format!("{round}-{number}"));
        salver.publish(event).await.unwrap();
        eventually_within(PATIENCE, "a delivery", async || {
            let deliveries = receiver.deliveries();
            let good = deliveries.iter().filter(|one| one.path == "/good").count();
            (good > before + number).then_some(())
        })
        .await;
        times.push(started.elapsed());
    }
    times.sort();
    times[count * 95 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_endpoints_delay_no_others_and_are_listed() {
    let count = by_profile(40, 400);
    let (inboxes, receiver) = (
        Inboxes::redis_with(webhook_settings),
        WebhookReceiver::start(),
    );
    let salver = &inboxes.salver;
    register(salver, &receiver, "/good", |endpoint| endpoint.rate(60_000)).await;
    let running = salver.worker().webhooks().start().unwrap();
    let bad = [
        ("slow", Reply::silence()),
        (
            "redirect",
            Reply::status(302).with_header("Location", receiver.url("/good")),
        ),
        ("gone", Reply::status(410)),
        (
            "limited",
            Reply::status(429).with_header("Retry-After", "3600"),
        ),
        ("unavailable", Reply::status(503)),
        ("bomb", Reply::endless()),
        ("reset", Reply::reset()),
        ("error", Reply::status(500)),
    ];
    let paths = |name| (0..EACH).map(move |number| format!("/{name}-{number}"));
    for path in bad.iter().flat_map(|(name, _)| paths(name)) {
        register(salver, &receiver, &path, |endpoint| endpoint).await;
    }
    p95(salver, &receiver, "warm", 10).await;
    let healthy = p95(salver, &receiver, "healthy", count).await;
    for (name, reply) in &bad {
        for path in paths(name) {
            receiver.set_replies(&path, std::slice::from_ref(reply));
        }
    }
    let beside = p95(salver, &receiver, "beside", count).await;
    running.stop().await;

    let deliveries = receiver.deliveries();
    let good = deliveries.iter().filter(|one| one.path == "/good").count();
    let listed = salver.endpoints().list().await.unwrap();
    let disabled = listed
        .iter()
        .filter(|one| one.state == EndpointState::Disabled);
    assert!(disabled.clone().all(|one| one.url.contains("/gone-")));
    assert_eq!(disabled.count(), EACH);
    assert!(
        !salver
            .deliveries()
            .list(DeliveryState::Waiting, None)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        !salver
            .deliveries()
            .list(DeliveryState::Dead, None)
            .await
            .unwrap()
            .is_empty()
    );
    // Beside as many healthy endpoints.
    let ratio = beside.as_secs_f64() / healthy.as_secs_f64();
    let verdict = Verdict {
        n: 10 + 2 * count,
        received: good,
        lost: (10 + 2 * count).saturating_sub(good),
        again: good.saturating_sub(10 + 2 * count),
        ..Verdict::default()
    };
    let more = format!(
        "bad={} healthy_p95_ms={} beside_p95_ms={} ratio={ratio:.2}",
        EACH * bad.len(),
        healthy.as_millis(),
        beside.as_millis()
    );
    report("webhooks_bad_endpoints", verdict, Duration::ZERO, more);
}
