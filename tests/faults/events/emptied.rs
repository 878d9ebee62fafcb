//! Redis comes back without its data. Events and subscriptions are lost, and new ones work.

use std::time::{Duration, Instant};

use super::scene::{edit, person, report, subscribe, until_accepted, verdict};
use crate::support::inboxes::Inboxes;

const PEOPLE: usize = 50;

#[tokio::test]
async fn emptied_redis_forgets_events_and_new_ones_are_notified() {
    let mut scene = Inboxes::redis();
    let mut server = scene.server.take().unwrap();
    let salver = &scene.salver;
    subscribe(salver, 0..PEOPLE).await;
    salver.publish(edit(0)).await.unwrap();
    server.kill();
    server.restart();
    let restarted = Instant::now();
    until_accepted(async || salver.subscriptions(&person(0)).await.map(drop)).await;
    assert!(salver.subscriptions(&person(0)).await.unwrap().is_empty());
    subscribe(salver, 0..PEOPLE).await;
    salver.worker().events().drain().await.unwrap();
    let lost = verdict(salver, 0..PEOPLE, 0..1).await;
    assert_eq!(lost.received, 0);
    // A publisher that repeats the lost one, and a new one.
    for number in [0, 1] {
        salver.publish(edit(number)).await.unwrap();
    }
    salver.worker().events().drain().await.unwrap();
    let recovery = restarted.elapsed();
    let verdict = verdict(salver, 0..PEOPLE, 0..2).await;
    let more = format!("stated_loss={}", lost.lost);
    report(
        "events_redis_emptied",
        verdict,
        (Duration::ZERO, recovery),
        more,
    );
}
