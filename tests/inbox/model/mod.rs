//! The memory store, the Redis store and a pure model execute the same calls at the same time, and
//! must return the same outcomes and counts.

mod call;
mod handle;
mod harness;
mod reference;
mod steps;

use self::harness::Harness;
use self::steps::{Step, run};
use crate::support::model_test::{assert_equal_and_covered, differences, figures};
use crate::support::profile::by_profile;

const STEPS: usize = 50;
/// An arbitrary fixed seed, so that every execution generates the same runs.
const SEED: &[u8; 16] = b"same inbox to go";

/// Outcomes that must occur at least once in all runs together. Otherwise the generator does not
/// cover them.
const REQUIRED_OUTCOMES: &[&str] = &[
    // outcomes of adds
    "added",
    "duplicate",
    "removed",
    "superseded",
    "replaced",
    "erased",
    "displaced",
    "displaced_in_group",
    "aged_removed",
    // outcomes of lists
    "list",
    "export",
    "pages_listed",
    "group_listed",
    "more_listed",
    // outcomes of marks
    "mark",
    "read",
    "unread",
    "archived",
    "restored",
    "marked_up_to_position",
    "seen_raised",
    "retracted",
    // time
    "erase",
    "expired",
    "clock_back",
];

#[test]
fn memory_redis_and_model_have_same_inboxes() {
    let runs = by_profile(25, 1_000);
    let mut harness = Harness::new();
    let describe = |step: &Step| format!("clock {} ms {:?}", step.clock, step.operation);
    let differences = differences(runs, SEED, &run(STEPS), describe, |steps| {
        harness.run(steps)
    });
    println!(
        "MODEL inbox runs={runs} steps={} differences={differences}{}",
        harness.steps,
        figures(REQUIRED_OUTCOMES, &harness.counts)
    );
    assert_equal_and_covered(differences, REQUIRED_OUTCOMES, &harness.counts);
}
