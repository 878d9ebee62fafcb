//! Measures operations per second of a Salver handle, against the same scripts sent directly on one
//! pipelined connection, and the time of the server for each script.
//!
//! If `BENCH_PREVIOUS_SCRIPTS` is a directory with the scripts of another commit, also runs those in
//! turns with the scripts of this one, and prints `RATIO store/scripts/previous`: new : old.

use std::env;
use std::sync::Arc;

use comparison::compare::{self, Pair, Side};
use comparison::fixture::{Fixture, micros_each};
use comparison::handle::Operation;
use comparison::programs::{self, SITE_CORE};
use comparison::scripts::{ReadMode, Scripts};
use comparison::statistics::Statistics;
use comparison::visitors::Visitor;
use comparison::{Result, environment};
use redis::Cmd;

const VISITORS: usize = 50_000;
/// Number of claims that the pipeline sends between a claim and its confirm.
const CONFIRM_DISTANCE: usize = 128;
/// How often each visitor gets a message while the scripts are measured.
const CYCLES: u32 = 2;

struct Bench {
    fixture: Fixture,
    visitors: Arc<[Visitor]>,
}

/// The CPU time of an operation in microseconds. One entry a round.
#[derive(Default)]
struct Costs {
    client: Vec<f64>,
    server: Vec<f64>,
    script: Vec<f64>,
}

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(SITE_CORE)?;
    let mut bench = Bench::new()?;
    println!(
        "\nOperations on the store, {VISITORS} each, {} rounds",
        compare::rounds()?
    );
    println!(
        "{:<16} {:<24} {:<20} {:>9} {:>9} {:>9}",
        "", "per second", "ratio", "client us", "redis us", "script us"
    );
    let mut ratios = Vec::new();
    for (name, operation) in [
        ("add", Operation::Add),
        ("claim", Operation::Claim),
        ("take", Operation::Take),
    ] {
        ratios.push((name, bench.compare(name, operation)?));
    }
    println!("\nTime of the server for one call of a script, in microseconds");
    if let Ok(directory) = env::var("BENCH_PREVIOUS_SCRIPTS") {
        ratios.push(("scripts/previous", bench.compare_scripts(&directory)?));
    } else {
        bench.measure_scripts()?;
    }
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(&format!("store/{name}"));
    }
    Ok(())
}

impl Bench {
    fn new() -> Result<Self> {
        let visitors: Result<_> = (0..VISITORS).map(Visitor::nth).collect();
        Ok(Self {
            fixture: Fixture::new()?,
            visitors: visitors?,
        })
    }

    fn compare(&mut self, name: &str, operation: Operation) -> Result<Statistics> {
        let mut costs = [Costs::default(), Costs::default()];
        // Warm-up: the first run includes connecting and memory allocation.
        self.measure(Side::Left, operation, &mut Costs::default())?;
        self.measure(Side::Right, operation, &mut Costs::default())?;
        let pair = compare::measure_alternating(|side| {
            self.measure(side, operation, &mut costs[side as usize])
        })?;
        let Pair { left, right, ratio } = pair;
        let [salver, pipelined] = costs;
        print_row(&format!("{name}, Salver"), left, None, salver);
        print_row(&format!("{name}, pipeline"), right, Some(ratio), pipelined);
        Ok(ratio)
    }

    /// Measures the scripts of this build alone.
    fn measure_scripts(&mut self) -> Result {
        let scripts = Scripts::default();
        self.time_cycles(&scripts)?;
        let rounds: Result<Vec<_>> = (0..compare::rounds()?)
            .map(|_| self.time_cycles(&scripts))
            .collect();
        print_scripts("", &rounds?);
        Ok(())
    }

    /// Measures the scripts of this build and those in a directory in turns. Returns the ratio of the
    /// times of the three scripts together.
    fn compare_scripts(&mut self, directory: &str) -> Result<Statistics> {
        let (previous, load) = Scripts::in_directory(directory)?;
        self.fixture.connection.send(load)?;
        let scripts = [Scripts::default(), previous];
        let mut rounds = [Vec::new(), Vec::new()];
        // Warm-up.
        for scripts in &scripts {
            self.time_cycles(scripts)?;
        }
        let pair = compare::measure_alternating(|side| {
            let micros = self.time_cycles(&scripts[side as usize])?;
            rounds[side as usize].push(micros);
            Ok(micros.iter().sum())
        })?;
        for (name, rounds) in ["new", "old"].iter().zip(&rounds) {
            print_scripts(name, rounds);
        }
        Ok(pair.ratio)
    }

    /// Adds, claims and confirms the message of each visitor twice: the first time without a session
    /// index. Returns the microseconds of the server for one call of each script.
    fn time_cycles(&mut self, scripts: &Scripts) -> Result<[f64; 3]> {
        self.fixture.server.flush()?;
        let visitors = Arc::clone(&self.visitors);
        let mut micros = [0.0; 3];
        for _ in 0..CYCLES {
            micros[0] += self.micros_of(visitors.iter().map(|visitor| visitor.add(scripts)))?;
            let claim = |visitor: &Visitor| visitor.read(scripts, ReadMode::Claim);
            micros[1] += self.micros_of(visitors.iter().map(claim))?;
            micros[2] += self.micros_of(visitors.iter().map(|visitor| visitor.confirm(scripts)))?;
        }
        Ok(micros.map(|micros| micros / f64::from(CYCLES)))
    }

    /// Sends scripts, and returns the microseconds of the server for one call.
    fn micros_of(&mut self, commands: impl Iterator<Item = Cmd>) -> Result<f64> {
        let (_, usage) = self
            .fixture
            .time(|fixture| fixture.connection.send(commands))?;
        Ok(usage.micros_per_call("evalsha"))
    }

    /// Returns the operations per second.
    fn measure(&mut self, side: Side, operation: Operation, costs: &mut Costs) -> Result<f64> {
        self.fixture.server.flush()?;
        if !matches!(operation, Operation::Add) {
            self.fixture.fill(VISITORS)?;
        }
        let before = programs::cpu_time("self")?;
        let (elapsed, server) = match side {
            Side::Left => self.fixture.time_operation(&self.visitors, operation)?,
            Side::Right => {
                let visitors = &self.visitors;
                self.fixture
                    .time(|fixture| send_pipelined(fixture, visitors, operation))?
            }
        };
        let client = programs::cpu_time("self")?.saturating_sub(before);
        costs.client.push(micros_each(client, VISITORS));
        costs.server.push(micros_each(server.cpu_time, VISITORS));
        costs.script.push(server.micros_per_call("evalsha"));
        Ok(VISITORS as f64 / elapsed.as_secs_f64())
    }
}

fn send_pipelined(fixture: &mut Fixture, visitors: &[Visitor], operation: Operation) -> Result {
    let Fixture {
        connection,
        scripts,
        ..
    } = fixture;
    match operation {
        Operation::Add => connection.send(visitors.iter().map(|visitor| visitor.add(scripts))),
        Operation::Take => {
            let take = |visitor: &Visitor| visitor.read(scripts, ReadMode::Take);
            connection.send(visitors.iter().map(take))
        }
        Operation::Claim => {
            let claim = |at: usize| Some(visitors.get(at)?.read(scripts, ReadMode::Claim));
            let confirm = |at: usize| Some(visitors.get(at)?.confirm(scripts));
            let step = |at: usize| {
                let confirm = at.checked_sub(CONFIRM_DISTANCE).and_then(confirm);
                [claim(at), confirm]
            };
            connection.send((0..VISITORS + CONFIRM_DISTANCE).flat_map(step).flatten())
        }
    }
}

/// Prints the times of the three scripts, one entry a round.
fn print_scripts(name: &str, rounds: &[[f64; 3]]) {
    let of = |at: usize| Statistics::of(rounds.iter().map(|micros| micros[at]).collect());
    let sum = Statistics::of(rounds.iter().map(|micros| micros.iter().sum()).collect());
    println!(
        "{name:<4} add {:.1}, read {:.1}, confirm {:.1}, together {sum:.1}",
        of(0),
        of(1),
        of(2)
    );
}

fn print_row(name: &str, rate: Statistics, ratio: Option<Statistics>, costs: Costs) {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let [client, server, script] =
        [costs.client, costs.server, costs.script].map(|values| Statistics::of(values).median);
    println!(
        "{name:<16} {:<24} {ratio:<20} {client:>9.1} {server:>9.1} {script:>9.1}",
        format!("{rate:.0}")
    );
}
