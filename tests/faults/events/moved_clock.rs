//! The clock of the store moves between a subscription and an event.

use std::time::Duration;

use super::scene::{edit, edits, person, report, verdict};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

const HOUR: Duration = Duration::from_secs(60 * 60);
const ROUNDS: usize = 25;

#[tokio::test]
async fn clock_that_moves_between_subscription_and_event_costs_no_notification() {
    let mut total = Verdict::default();
    for scene in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        for round in 0..by_profile(ROUNDS, 20 * ROUNDS) {
            let edits = edits().subject(format!("documents/{round}"));
            scene.salver.subscribe(&person(round), edits).await.unwrap();
            match round % 3 {
                0 => scene.rewind(HOUR),
                1 => scene.advance(24 * HOUR),
                _ => {}
            }
            let event = edit(round).subject(format!("documents/{round}"));
            scene.salver.publish(event).await.unwrap();
            // Between the publication and the fan-out, too.
            match round % 5 {
                0 => scene.rewind(HOUR),
                1 => scene.advance(24 * HOUR),
                _ => {}
            }
            scene.salver.worker().events().drain().await.unwrap();
            scene.advance(2 * HOUR);
            scene.salver.worker().events().drain().await.unwrap();
            let row = verdict(&scene.salver, round..round + 1, round..round + 1).await;
            add_up(&mut total, &row);
        }
    }
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_moved_clock", total, none, String::new());
}
