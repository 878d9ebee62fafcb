//! A process that stops after any call to the store forgets no recipient, and another one notifies none twice.

use std::time::Duration;

use salver::{Error, Salver};

use super::scene::{edit, edits, person, report, verdict};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PEOPLE: usize = 2;

/// Subscribes two people, publishes an event, and fans it out. `round`: the number of the event and of the people.
async fn run(salver: &Salver, round: usize) -> Result<(), Error> {
    for number in round * PEOPLE..(round + 1) * PEOPLE {
        let edits = edits().subject(format!("documents/{round}"));
        salver.subscribe(&person(number), edits).await?;
    }
    let event = edit(round).subject(format!("documents/{round}"));
    salver.publish(event).await?;
    salver.worker().events().drain().await.map(drop)
}

/// Stops after each call. Returns the numbers of calls and of stops.
async fn stop_everywhere(inboxes: &Inboxes, total: &mut Verdict) -> (u64, u64) {
    let counted = inboxes.process(|builder| builder);
    let from = counted.finished_calls();
    run(&counted, 0).await.unwrap();
    let (calls, mut stops) = (counted.finished_calls() - from, 0);
    for call in 1..=calls {
        let round = usize::try_from(call).unwrap();
        let stopping = inboxes.process(|builder| builder);
        stopping.stop_after(call);
        tokio::select! {
            biased;
            // The stopped call may be one that needs no other after it.
            outcome = run(&stopping, round) => drop(outcome),
            () = stopping.stopped() => {}
        }
        stops += 1;
        stopping.stop_after(u64::MAX);
        let other = inboxes.process(|builder| builder);
        for _ in 0..2 {
            run(&other, round).await.unwrap();
            // The lease of the process that has stopped ends.
            inboxes.advance(DAY);
        }
        other.worker().events().drain().await.unwrap();
        let people = round * PEOPLE..(round + 1) * PEOPLE;
        add_up(total, &verdict(&other, people, round..round + 1).await);
    }
    (calls, stops)
}

#[tokio::test]
async fn process_that_stops_after_any_call_forgets_no_recipient_and_notifies_none_twice() {
    let memory = Inboxes::memory();
    let redis = Inboxes::redis_with_clock();
    let (mut total, mut calls, mut stops) = (Verdict::default(), 0, 0);
    for inboxes in [memory, redis] {
        let (counted, stopped) = stop_everywhere(&inboxes, &mut total).await;
        (calls, stops) = (calls + counted, stops + stopped);
    }
    assert_eq!(calls, stops);
    let more = format!("calls={calls} stops={stops}");
    report(
        "events_stops",
        total,
        (Duration::ZERO, Duration::ZERO),
        more,
    );
}
