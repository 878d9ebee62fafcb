//! Costs with many pending sessions, against those with a thousand.

use std::sync::Arc;
use std::time::Duration;

use comparison::Result;
use comparison::compare::{self, Pair};
use comparison::fixture::{Fixture, micros_each};
use comparison::handle::Operation;
use comparison::load::{self, Workload};
use comparison::site::Site;
use comparison::statistics::Statistics;
use comparison::visitors::Visitor;

const FEWEST_SESSIONS: usize = 1_000;
/// Repetitions of the sample's operations in one measurement.
const REPETITIONS: usize = 10;
/// Length of one measurement of idle pages.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// A server with pending sessions, and a sample of them, spread evenly over all.
struct PendingSessions {
    fixture: Fixture,
    sample: Arc<[Visitor]>,
}

impl PendingSessions {
    fn new(sessions: usize) -> Result<Self> {
        let mut fixture = Fixture::new()?;
        fixture.fill(sessions)?;
        let sample: Result<_> = (0..sessions)
            .step_by(sessions / FEWEST_SESSIONS)
            .map(Visitor::nth)
            .collect();
        Ok(Self {
            fixture,
            sample: sample?,
        })
    }

    /// Returns the microseconds of an add, or of a claim and its confirm. Runs as many adds as
    /// claims, so that the number of messages does not change.
    fn cost(&mut self, operation: Operation) -> Result<f64> {
        let mut cost = Duration::ZERO;
        for _ in 0..REPETITIONS {
            let (claims, _) = self
                .fixture
                .time_operation(&self.sample, Operation::Claim)?;
            let (adds, _) = self.fixture.time_operation(&self.sample, Operation::Add)?;
            cost += match operation {
                Operation::Add => adds,
                Operation::Claim | Operation::Take => claims,
            };
        }
        Ok(micros_each(cost, REPETITIONS * self.sample.len()))
    }

    /// Returns the microseconds of Redis for plain commands on the same keys.
    fn cost_of_plain_commands(&mut self) -> Result<f64> {
        let Self { fixture, sample } = self;
        let commands = || sample.iter().flat_map(Visitor::plain_commands);
        let (_, usage) = fixture.time(|fixture| {
            (0..REPETITIONS).try_for_each(|_| fixture.connection.send(commands()))
        })?;
        Ok(micros_each(usage.cpu_time, REPETITIONS * sample.len()))
    }
}

/// Prints the costs. Returns the ratios of the most sessions to the fewest.
pub(crate) fn measure() -> Result<Vec<(&'static str, Statistics)>> {
    let most = compare::max_visitors()?;
    println!(
        "\nSessions with a pending message: microseconds with many and with {FEWEST_SESSIONS}, {} rounds",
        compare::rounds()?
    );
    println!(
        "{:<10} {:<14} {:<24} {:<24} ratio",
        "many", "", "with many", "with few"
    );
    let mut few = PendingSessions::new(FEWEST_SESSIONS)?;
    let (mut sessions, mut ratios) = (FEWEST_SESSIONS, Vec::new());
    while sessions < most {
        sessions *= 10;
        let mut many = PendingSessions::new(sessions)?;
        let mut both = [&mut many, &mut few];
        let add = compare::measure_alternating(|side| both[side as usize].cost(Operation::Add))?;
        let claim =
            compare::measure_alternating(|side| both[side as usize].cost(Operation::Claim))?;
        let plain =
            compare::measure_alternating(|side| both[side as usize].cost_of_plain_commands())?;
        let idle = compare_pages(&mut both)?;
        let rows = [
            ("add", add),
            ("claim", claim),
            ("plain commands", plain),
            ("idle page", idle),
        ];
        for (name, pair) in rows {
            print_row(sessions, name, pair);
        }
        ratios = vec![
            ("scale/add", add.ratio),
            ("scale/claim", claim.ratio),
            ("scale/plain-commands", plain.ratio),
            ("scale/idle", idle.ratio),
        ];
    }
    Ok(ratios)
}

/// Compares the idle pages of two sites, each on one of the servers.
fn compare_pages(both: &mut [&mut PendingSessions; 2]) -> Result<Pair> {
    let start = |pending: &PendingSessions| Site::start("salver", &pending.fixture.server.url());
    let sites = [start(both[0])?, start(both[1])?];
    compare::measure_alternating(|side| {
        let server = &mut both[side as usize].fixture.server;
        let result = load::measure(
            &sites[side as usize],
            server,
            Workload::NothingPending,
            IDLE_TIME,
        )?;
        Ok(1e6 / result.rate)
    })
}

fn print_row(sessions: usize, name: &str, pair: Pair) {
    println!(
        "{sessions:<10} {name:<14} {:<24} {:<24} {:.2}",
        format!("{:.1}", pair.left),
        format!("{:.1}", pair.right),
        pair.ratio
    );
}
