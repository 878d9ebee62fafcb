//! The memory store, the Redis store and a pure model execute the same calls at the same time, and
//! must return the same outcomes and counts.

mod call;
mod handle;
mod harness;
mod reference;
mod steps;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::harness::Harness;
use self::steps::run;
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
    let config = Config {
        cases: u32::try_from(runs).unwrap(),
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
                println!("clock {} ms {:?}", step.clock, step.operation);
            }
            println!("{difference}");
        }
    }
    let harness = harness.into_inner();
    let count = |outcome: &&str| harness.counts.get(outcome).copied().unwrap_or(0);
    let counts = REQUIRED_OUTCOMES
        .iter()
        .map(|outcome| format!(" {outcome}={}", count(outcome)));
    let counts = counts.collect::<String>();
    println!(
        "MODEL inbox runs={runs} steps={} differences={differences}{counts}",
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
