//! The memory store, the Redis store and a pure model execute the same calls at the same time, and
//! must return the same outcomes.

mod call;
mod generator;
mod harness;
mod reference;
mod steps;
mod store_under_test;

use self::harness::Harness;
use self::steps::{Step, run};
use crate::support::model_test::{assert_equal_and_covered, differences, figures};
use crate::support::profile::by_profile;

const STEPS: usize = 50;
/// An arbitrary fixed seed, so that every execution generates the same runs.
const SEED: &[u8; 16] = b"all say the same";

/// Outcomes that must occur at least once in all runs together. Otherwise the generator does not
/// cover them.
const REQUIRED_OUTCOMES: &[&str] = &[
    // calls
    "add",
    "peek",
    "claim",
    "take",
    "confirm",
    "release",
    "retract",
    "clear",
    "clear_session",
    "migrate",
    "contexts",
    "put",
    // outcomes of adds
    "added",
    "scheduled",
    "repeated",
    "replaced",
    "displaced",
    "full",
    "too_many_contexts",
    "session_moved",
    "session_closed",
    "put_again",
    // outcomes of reads
    "returned",
    "removed",
    "too_old",
    "past_deadline",
    "undecodable",
    "unsupported",
    "next_due_reported",
    "displaced_reported",
    "listed",
    // outcomes of confirms and releases
    "confirmed",
    "confirmed_late",
    "confirmed_after_migration",
    "confirmed_without_effect",
    "released",
    "released_after_migration",
    "released_other_claim",
    "released_without_effect",
    // outcomes of migrations, removals and expiry
    "context_migrated",
    "context_merged",
    "duplicate_merged",
    "migration_repeated",
    "migration_to_itself",
    "migration_of_ended_session",
    "migration_to_ended_session",
    "migration_reopened_session",
    "retracted",
    "cleared",
    "ttl_expired",
    "session_reopened",
];

#[test]
fn memory_redis_and_model_return_same_outcomes() {
    let runs = by_profile(1_000, 100_000);
    let mut harness = Harness::new();
    let describe = |step: &Step| format!("after {} ms {:?}", step.delay_ms, step.operation);
    let differences = differences(runs, SEED, &run(STEPS), describe, |steps| {
        harness.run(steps)
    });
    println!("MODEL{}", figures(REQUIRED_OUTCOMES, &harness.counts));
    println!(
        "FAULT model_equivalence n={} lost=0 delivered=0 twice=0 again=0 foreign=0 worst_wait_ms=0 recovery_ms=0 runs={runs} differences={differences}",
        harness.steps
    );
    assert_equal_and_covered(differences, REQUIRED_OUTCOMES, &harness.counts);
}
