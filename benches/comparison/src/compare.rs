//! Alternating measurements of two sides, in the order A B, B A, A B, so that other activity on the
//! machine affects both sides equally.

use std::env;
use std::time::Duration;

use crate::Result;
use crate::load::{self, Workload};
use crate::server::Server;
use crate::site::Site;
use crate::spy;
use crate::statistics::Statistics;

const DEFAULT_ROUNDS: usize = 9;
const DEFAULT_MAX_VISITORS: usize = 1_000_000;
/// Length of one measurement of a site.
const MEASURE_TIME: Duration = Duration::from_secs(1);
/// Length of the load whose Redis commands are counted. It need only average out single commands.
const SPY_TIME: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// The results of alternating measurements of two sides.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub left: Statistics,
    pub right: Statistics,
    /// Left divided by right, computed for each round.
    pub ratio: Statistics,
}

/// Returns the number of rounds: `BENCH_ROUNDS`, or 9 by default.
///
/// # Errors
///
/// `BENCH_ROUNDS` is not a number.
pub fn rounds() -> Result<usize> {
    env_number("BENCH_ROUNDS", DEFAULT_ROUNDS)
}

/// Returns the maximum number of visitors: `BENCH_MAX_VISITORS`, or 1,000,000 by default.
///
/// # Errors
///
/// `BENCH_MAX_VISITORS` is not a number.
pub fn max_visitors() -> Result<usize> {
    env_number("BENCH_MAX_VISITORS", DEFAULT_MAX_VISITORS)
}

fn env_number(name: &str, default: usize) -> Result<usize> {
    match env::var(name) {
        Ok(number) => Ok(number.parse()?),
        Err(_) => Ok(default),
    }
}

/// Measures two sides alternately, each once a round.
///
/// # Errors
///
/// A measurement fails, or as [`rounds`].
pub fn measure_alternating(mut measure: impl FnMut(Side) -> Result<f64>) -> Result<Pair> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for round in 0..rounds()? {
        let order = match round % 2 {
            0 => [Side::Left, Side::Right],
            _ => [Side::Right, Side::Left],
        };
        for side in order {
            let measured = measure(side)?;
            match side {
                Side::Left => left.push(measured),
                Side::Right => right.push(measured),
            }
        }
    }
    let ratio = left.iter().zip(&right).map(|(left, right)| left / right);
    Ok(Pair {
        ratio: Statistics::of(ratio.collect()),
        left: Statistics::of(left),
        right: Statistics::of(right),
    })
}

/// The measurements of a site in one mode, besides its rate. One entry a round.
#[derive(Default)]
struct ModeStats {
    site_micros: Vec<f64>,
    redis_micros: Vec<f64>,
    missed: u64,
    /// The Redis commands of one page or cycle, formatted for the table.
    commands: String,
}

/// Measures the site in two modes alternately and prints a row for each mode. Returns the ratio of
/// their rates.
///
/// # Errors
///
/// A site does not start, or a page lacks its message.
pub fn sites(
    server: &mut Server,
    modes: [&'static str; 2],
    workload: Workload,
) -> Result<Statistics> {
    server.flush()?;
    let url = server.url();
    let sites = [Site::start(modes[0], &url)?, Site::start(modes[1], &url)?];
    compare(server, sites, workload)
}

/// Measures this build and another build of the site with Salver, as [`sites`] does.
///
/// # Errors
///
/// As [`sites`].
pub fn builds(server: &mut Server, other: &str, workload: Workload) -> Result<Statistics> {
    server.flush()?;
    let url = server.url();
    let sites = [
        Site::start("salver", &url)?,
        Site::start_program(other, "salver", &url)?,
    ];
    compare(server, sites, workload)
}

fn compare(server: &mut Server, sites: [Site; 2], workload: Workload) -> Result<Statistics> {
    let modes = [sites[0].mode, sites[1].mode];
    let mut stats = [ModeStats::default(), ModeStats::default()];
    for (site, stats) in sites.iter().zip(&mut stats) {
        stats.commands = commands_per_unit(server, site, workload)?;
    }
    let pair = measure_alternating(|side| {
        let result = load::measure(&sites[side as usize], server, workload, MEASURE_TIME)?;
        let stats = &mut stats[side as usize];
        stats.site_micros.push(result.site_micros);
        stats.redis_micros.push(result.redis_micros);
        stats.missed += result.missed;
        Ok(result.rate)
    })?;
    let [left, right] = stats;
    print_row(modes[0], pair.left, None, left)?;
    print_row(modes[1], pair.right, Some(pair.ratio), right)?;
    Ok(pair.ratio)
}

/// Prints the title and the column names.
///
/// # Errors
///
/// As [`rounds`].
pub fn print_header(title: &str) -> Result {
    println!("\n{title}, {} rounds", rounds()?);
    println!(
        "{:<14} {:<24} {:<20} {:>8} {:>9}  sent to Redis",
        "mode", "per second", "ratio", "site us", "redis us"
    );
    Ok(())
}

fn print_row(mode: &str, rate: Statistics, ratio: Option<Statistics>, stats: ModeStats) -> Result {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let (site, redis) = (
        Statistics::of(stats.site_micros),
        Statistics::of(stats.redis_micros),
    );
    println!(
        "{mode:<14} {:<24} {ratio:<20} {:>8.1} {:>9.1}  {}",
        format!("{rate:.0}"),
        site.median,
        redis.median,
        stats.commands
    );
    match stats.missed {
        0 => Ok(()),
        // The bare handler has no messages.
        _ if mode == "bare" => Ok(()),
        missed => Err(format!("{missed} messages are missing from pages of mode '{mode}'").into()),
    }
}

/// Counts the Redis commands that a site sends for one page or cycle.
fn commands_per_unit(server: &mut Server, site: &Site, workload: Workload) -> Result<String> {
    // Warm-up: commands that a site sends only once, after its start, are not counted.
    load::run_program(site, workload, 1, SPY_TIME)?;
    let run = || load::run_program(site, workload, 1, SPY_TIME);
    let (report, sent) = spy::count_commands(server, run)?;
    let units = report.requests / workload.requests();
    let per_unit = sent
        .into_iter()
        .map(|(command, times)| (command, times as f64 / units));
    // Commands below this share come from the single form that created the visitor.
    let frequent = per_unit.filter(|(_, times)| *times >= 0.02);
    let columns: Vec<_> = frequent
        .map(|(command, times)| format!("{command} {times:.2}"))
        .collect();
    Ok(if columns.is_empty() {
        "nothing".into()
    } else {
        columns.join(", ")
    })
}
