//! A notification that was deleted before a fan-out is repeated never comes back.

use std::time::Duration;

use salver::{Error, InboxFilter, ReadState, Salver};

use super::scene::{edit, edits, notified, person, report};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn fan_out(salver: &Salver, round: usize) -> Result<(), Error> {
    let event = edit(round).subject(format!("documents/{round}"));
    salver.publish(event).await?;
    salver.worker().events().drain().await.map(drop)
}

async fn run(scene: &Inboxes, verdict: &mut Verdict) -> u64 {
    let subscription = |round| edits().subject(format!("documents/{round}"));
    let counted = scene.process(|builder| builder);
    counted
        .subscribe(&person(0), subscription(0))
        .await
        .unwrap();
    let from = counted.finished_calls();
    fan_out(&counted, 0).await.unwrap();
    let calls = counted.finished_calls() - from;
    for call in 1..=calls {
        let round = usize::try_from(call).unwrap();
        let (salver, ada) = (&scene.salver, person(round));
        salver.subscribe(&ada, subscription(round)).await.unwrap();
        let stopping = scene.process(|builder| builder);
        stopping.stop_after(call);
        tokio::select! {
            biased;
            outcome = fan_out(&stopping, round) => drop(outcome),
            () = stopping.stopped() => {}
        }
        stopping.stop_after(u64::MAX);
        let before = notified(salver, &ada).await.len();
        salver
            .inbox(&ada)
            .retract(&InboxFilter::all())
            .await
            .unwrap();
        scene.advance(Duration::from_secs(60 * 60));
        for _ in 0..2 {
            fan_out(salver, round).await.unwrap();
        }
        let after = notified(salver, &ada).await.len();
        verdict.n += 1;
        verdict.received += before + after;
        verdict.lost += usize::from(before + after == 0);
        // It came back, or there are two.
        verdict.twice += (before + after).saturating_sub(1);
        salver
            .inbox(&ada)
            .mark(&InboxFilter::all(), ReadState::Read)
            .await
            .unwrap();
    }
    scene.advance(DAY);
    calls
}

#[tokio::test]
async fn notification_that_was_deleted_before_a_repeat_never_comes_back() {
    let (mut verdict, mut calls) = (Verdict::default(), 0);
    for scene in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        calls += run(&scene, &mut verdict).await;
    }
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_removed", verdict, none, format!("calls={calls}"));
}
