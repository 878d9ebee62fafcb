//! Memory, Redis and a pure model of the laws get the same calls at the same time, and have to say the same.

mod call;
mod generator;
mod pure;
mod stage;
mod steps;
mod subject;
mod time;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::stage::Stage;
use self::steps::run;

const STEPS: usize = 50;
/// The same runs every time: what is red stays red until it is mended.
const SEED: &[u8; 16] = b"all say the same";

/// What has to happen in all runs together: a generator that never gets there would be green for nothing.
const MET: &[&str] = &[
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
    // what came of adds
    "added",
    "scheduled",
    "repeated",
    "replaced",
    "displaced",
    "full",
    "too_many_contexts",
    "moved",
    "closed",
    "put_again",
    // of looks
    "shown",
    "removed",
    "too_old",
    "past_its_deadline",
    "unreadable",
    "newer",
    "told_next",
    "told_displaced",
    "listed",
    // of the ends of claims
    "confirmed",
    "confirmed_late",
    "confirmed_after_a_move",
    "confirmed_for_nothing",
    "released",
    "released_after_a_move",
    "released_anothers",
    "released_for_nothing",
    // of moves and ends
    "carried",
    "merged",
    "carried_twice",
    "migrated_again",
    "migrated_to_itself",
    "migrate_of_a_gone_one",
    "migrate_not_opened",
    "migrate_opened",
    "retracted",
    "cleared",
    "lapsed",
    "reopened",
];

#[test]
fn memory_redis_and_the_model_say_the_same() {
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
    let stage = RefCell::new(Stage::new());
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, SEED);
    let outcome = TestRunner::new_with_rng(config, rng).run(&run(STEPS), |steps| {
        let played = stage.borrow_mut().play(&steps);
        played.map_err(TestCaseError::fail)
    });
    let differences = u32::from(outcome.is_err());
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(why)) => println!("{why}"),
        Err(TestError::Fail(difference, steps)) => {
            println!("seed {SEED:?}, and of that run");
            for step in steps {
                println!("after {} ms {:?}", step.pass, step.deed);
            }
            println!("{difference}");
        }
    }
    let stage = stage.into_inner();
    let count = |outcome: &&str| stage.counts.get(outcome).copied().unwrap_or(0);
    let counts = MET.iter().map(|met| format!(" {met}={}", count(met)));
    println!("MODEL{}", counts.collect::<String>());
    println!(
        "FAULT model_equivalence n={} lost=0 handed=0 twice=0 again=0 foreign=0 worst_wait_ms=0 recovery_ms=0 runs={runs} differences={differences}",
        stage.steps
    );
    assert_eq!(differences, 0, "what differs stands above");
    let never: Vec<_> = MET.iter().filter(|met| count(met) == 0).collect();
    assert!(never.is_empty(), "it never came to {never:?}");
}
