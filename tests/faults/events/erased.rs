//! A person is erased at each step of a fan-out: nothing about them is stored afterwards but the tombstone.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use salver::{Error, Salver};

use super::scene::{edit, edits, notified, person, report};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn subscribe(salver: &Salver, round: usize) {
    for number in [2 * round, 2 * round + 1] {
        let edits = edits().subject(format!("documents/{round}"));
        salver.subscribe(&person(number), edits).await.unwrap();
    }
}

async fn fan_out(salver: &Salver, round: usize) -> Result<(), Error> {
    let event = edit(round).subject(format!("documents/{round}"));
    salver.publish(event).await?;
    salver.worker().events().drain().await.map(drop)
}

#[tokio::test]
async fn person_who_is_erased_during_a_fan_out_leaves_the_tombstone_alone() {
    let scene = Inboxes::redis_with_clock();
    let server = scene.server.as_ref().unwrap();
    let counted = scene.process(|builder| builder);
    subscribe(&counted, 0).await;
    let from = counted.finished_calls();
    fan_out(&counted, 0).await.unwrap();
    let calls = counted.finished_calls() - from;
    let mut verdict = Verdict::default();
    for call in 1..=calls {
        let round = usize::try_from(call).unwrap();
        subscribe(&scene.salver, round).await;
        scene.advance(Duration::from_secs(1));
        let stopping = scene.process(|builder| builder);
        stopping.stop_after(call);
        tokio::select! {
            biased;
            outcome = fan_out(&stopping, round) => drop(outcome),
            () = stopping.stopped() => {}
        }
        scene.advance(Duration::from_secs(1));
        let erased = person(2 * round);
        scene.salver.erase(&erased).await.unwrap();
        // Another process ends the fan-out.
        fan_out(&scene.salver, round).await.unwrap();
        scene.advance(Duration::from_secs(60 * 60));
        scene.salver.worker().events().drain().await.unwrap();
        let keys: Vec<String> =
            server.run(&[b"KEYS", format!("*{{user%3Ap{}}}*", 2 * round).as_bytes()]);
        verdict.n += 1;
        verdict.twice +=
            usize::from(keys != [format!("app!inbox-state:{{user%3Ap{}}}", 2 * round)]);
        let index =
            format!("app!subscribers:{{wiki.edit?language=de&subject=documents%2F{round}}}");
        let left: Vec<String> = server.run(&[b"ZRANGE", index.as_bytes(), b"0", b"-1"]);
        verdict.misdelivered += usize::from(left != [person(2 * round + 1).to_string()]);
        verdict.lost +=
            usize::from(notified(&scene.salver, &person(2 * round + 1)).await.len() != 1);
        verdict.received += 1;
    }
    scene.advance(DAY);
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_erased", verdict, none, format!("calls={calls}"));
}

/// An event is published and fanned out between any two calls of an erasure.
#[tokio::test]
async fn event_during_an_erasure_leaves_nothing() {
    let (mut calls, mut notified_before) = (0, 0);
    loop {
        let salver = Salver::memory("app").unwrap();
        let erased = person(0);
        salver.subscribe(&erased, edits()).await.unwrap();
        salver.yield_before_calls();
        let mut erase = pin!(salver.erase(&erased));
        let has_ended = (0..=calls).any(|_| erase.as_mut().now_or_never().is_some());
        salver.worker().events().publish(edit(0)).await.unwrap();
        notified_before += notified(&salver, &erased).await.len();
        if has_ended {
            break;
        }
        erase.await.unwrap();
        assert_eq!(
            notified(&salver, &erased).await.len(),
            0,
            "after {calls} calls"
        );
        assert!(!salver.is_subscribed(&erased, &edits()).await.unwrap());
        calls += 1;
    }
    assert!(calls > 3, "{calls} calls");
    assert!(notified_before > 0);
    println!("EXPLORE erasure calls={calls} notified_before={notified_before}");
}
