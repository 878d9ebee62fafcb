//! Model tests: generated runs on several implementations at once, which must not differ.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Executes generated runs until one differs. Returns the number of differences, 0 or 1. The
/// minimal run that differs is printed step by step, each by `describe`.
pub fn differences<Step: Debug>(
    runs: usize,
    seed: &[u8; 16],
    generated: &impl Strategy<Value = Vec<Step>>,
    describe: impl Fn(&Step) -> String,
    execute: impl FnMut(&[Step]) -> Result<(), String>,
) -> u32 {
    let config = Config {
        cases: u32::try_from(runs).unwrap(),
        failure_persistence: None,
        max_shrink_iters: u32::MAX,
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let execute = RefCell::new(execute);
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, seed);
    let outcome = TestRunner::new_with_rng(config, rng).run(generated, |steps| {
        let result = (execute.borrow_mut())(&steps);
        result.map_err(TestCaseError::fail)
    });
    let differences = u32::from(outcome.is_err());
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => println!("{reason}"),
        Err(TestError::Fail(difference, steps)) => {
            println!("seed {seed:?}, minimal failing run:");
            for step in &steps {
                println!("{}", describe(step));
            }
            println!("{difference}");
        }
    }
    differences
}

/// Returns how often each required outcome occurred, as ` name=count`.
pub fn figures(required: &[&str], counts: &BTreeMap<&'static str, u64>) -> String {
    let count = |outcome: &str| counts.get(outcome).copied().unwrap_or(0);
    let figures = required.iter();
    figures
        .map(|outcome| format!(" {outcome}={}", count(outcome)))
        .collect()
}

/// Fails if the runs differ, or if a required outcome never occurred.
pub fn assert_equal_and_covered(
    differences: u32,
    required: &[&str],
    counts: &BTreeMap<&'static str, u64>,
) {
    assert_eq!(differences, 0, "the difference is printed above");
    let is_missing = |outcome: &&&str| counts.get(**outcome).copied().unwrap_or(0) == 0;
    let missing: Vec<_> = required.iter().filter(is_missing).collect();
    assert!(
        missing.is_empty(),
        "outcomes that never occurred: {missing:?}"
    );
}
