//! The memory store, the Redis store and a pure model execute the same calls at the same time, and
//! must return the same outcomes.

mod call;
mod generator;
mod harness;
mod reference;
mod steps;
mod store_under_test;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::harness::Harness;
use self::steps::run;

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
    let runs = match std::env::var_os("SALVER_TEST_FULL") {
        Some(_) => 100_000,
        None => 1_000,
    };
    let config = Config {
        cases: runs,
        failure_persistence: None,
        max_shrink_iters: u32::MAX,
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let harness = RefCell::new(Harness::new());
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, SEED);
    let outcome = TestRunner::new_with_rng(config, rng).run(&run(STEPS), |steps| {
        let result = harness.borrow_mut().run(&steps);
        result.map_err(TestCaseError::fail)
    });
    let differences = u32::from(outcome.is_err());
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => println!("{reason}"),
        Err(TestError::Fail(difference, steps)) => {
            println!("seed {SEED:?}, minimal failing run:");
            for step in steps {
                println!("after {} ms {:?}", step.delay_ms, step.operation);
            }
            println!("{difference}");
        }
    }
    let harness = harness.into_inner();
    let count = |outcome: &&str| harness.counts.get(outcome).copied().unwrap_or(0);
    let counts = REQUIRED_OUTCOMES
        .iter()
        .map(|outcome| format!(" {outcome}={}", count(outcome)));
    println!("MODEL{}", counts.collect::<String>());
    println!(
        "FAULT model_equivalence n={} lost=0 delivered=0 twice=0 again=0 foreign=0 worst_wait_ms=0 recovery_ms=0 runs={runs} differences={differences}",
        harness.steps
    );
    assert_eq!(differences, 0, "the difference is printed above");
    let missing: Vec<_> = REQUIRED_OUTCOMES
        .iter()
        .filter(|outcome| count(outcome) == 0)
        .collect();
    assert!(
        missing.is_empty(),
        "outcomes that never occurred: {missing:?}"
    );
}
