//! One person's messages, inbox, subscriptions, events and mails, in one random order: the memory store, the Redis store and
//! a simple model must agree.

mod reference;
mod site;
mod steps;

use std::collections::BTreeMap;

use salver::SalverBuilder;
use salver::mail::Cadence;
use salver::store::{MemoryStore, RedisStore};
use tokio::runtime::{Builder, Runtime};

use self::reference::{Model, UNREAD};
use self::site::Site;
use self::steps::{Step, run};
use crate::support::model_test::{assert_equal_and_covered, differences, figures};
use crate::support::profile::by_profile;
use crate::support::redis::Server;
use crate::support::test_clock::TestClock;

const STEPS: usize = 40;
/// After how many steps everything is compared, and not just what the step returns.
const FULL_COMPARISON: usize = 8;
/// How long a busy machine may take for one call.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// An arbitrary fixed seed, so that every execution generates the same runs.
const SEED: &[u8; 16] = b"all parts as one";

/// Outcomes that must occur at least once in all runs together. Otherwise the generator does not cover them.
const REQUIRED_OUTCOMES: &[&str] = &[
    "shown",
    "message_moved",
    "session_closed",
    "notified",
    "repeated",
    "too_old_for_erased",
    "read",
    "subscribed",
    "unsubscribed",
    "event_notified",
    "event_unmatched",
    "mailed_at_once",
    "mailed_since_unread",
    "read_before_mail",
    "preferred",
    "erased",
];

/// The settings of the site: the kind `chat` is mailed if it is unread, an edit at once, `news` never.
fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .site("https://app.example")
        .secret([7; 32])
        .default_cadence("chat", Cadence::IfUnread(UNREAD))
        .default_cadence("edit", Cadence::AtOnce)
        .call_timeout(PATIENCE)
        .page_timeout(PATIENCE)
}

/// Shared by all runs: starting a server takes longer than a run.
struct Harness {
    runtime: Runtime,
    clock: TestClock,
    server: Server,
    steps: usize,
    counts: BTreeMap<&'static str, u64>,
}

impl Harness {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let clock = runtime.block_on(TestClock::new());
        Self {
            server: Server::start_at(&clock.path),
            runtime,
            clock,
            steps: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Executes one run on empty stores. Returns the first difference as an error.
    fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.server.run::<()>(&[b"FLUSHALL"]);
        let memory = MemoryStore::with_clock(self.clock.clock.clone());
        let memory = settings(salver::Salver::builder("app")).store(memory);
        let redis = settings(salver::Salver::builder("app"));
        let redis = redis.store(RedisStore::new(&self.server.url()).unwrap());
        let mut sites = [memory, redis].map(|builder| Site::new(builder.build().unwrap()));
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            self.clock.advance(step.millis);
            let now = self.clock.now();
            model.set_time(now);
            let expected = model.execute(step.operation);
            let is_full = number + 1 == steps.len() || number % FULL_COMPARISON == 0;
            let expected = (expected, is_full.then(|| model.state()));
            for (name, site) in ["memory", "Redis"].into_iter().zip(&mut sites) {
                let got = self.runtime.block_on(async {
                    let outcome = site.execute(step.operation, now).await;
                    let state = match is_full {
                        true => Some(site.state().await),
                        false => None,
                    };
                    (outcome, state)
                });
                if got != expected {
                    return Err(format!("{step:?}\nmodel  {expected:?}\n{name} {got:?}"));
                }
            }
        }
        self.steps += steps.len();
        for (outcome, times) in model.counts {
            *self.counts.entry(outcome).or_default() += times;
        }
        Ok(())
    }
}

#[test]
fn all_modules_and_model_have_same_outcomes() {
    let runs = by_profile(30, 2_000);
    let mut harness = Harness::new();
    let describe = |step: &Step| format!("after {} ms {:?}", step.millis, step.operation);
    let differences = differences(runs, SEED, &run(STEPS), describe, |steps| {
        harness.run(steps)
    });
    println!(
        "MODEL all_modules{}",
        figures(REQUIRED_OUTCOMES, &harness.counts)
    );
    println!(
        "FAULT model_of_all n={} lost=0 delivered=0 twice=0 again=0 foreign=0 worst_wait_ms=0 recovery_ms=0 runs={runs} \
         differences={differences}",
        harness.steps
    );
    assert_equal_and_covered(differences, REQUIRED_OUTCOMES, &harness.counts);
}
