//! Two things measured in turn, so that what the machine does meanwhile strikes both: A B, B A, A B …

use std::env;
use std::time::Duration;

use crate::Outcome;
use crate::load::{self, Plan};
use crate::server::Server;
use crate::site::Site;
use crate::spy;
use crate::statistics::Figures;

const ROUNDS: usize = 9;
const TOP: usize = 1_000_000;
const TIME: Duration = Duration::from_secs(1);
const SPYING: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// What came of measuring two things in turn.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub left: Figures,
    pub right: Figures,
    /// Left to right, round by round.
    pub ratio: Figures,
}

/// Gives the number of rounds: nine, or what `BENCH_ROUNDS` says.
///
/// # Errors
///
/// `BENCH_ROUNDS` is no number.
pub fn rounds() -> Outcome<usize> {
    told("BENCH_ROUNDS", ROUNDS)
}

/// Gives the most people there are: a million, or what `TOP` says.
///
/// # Errors
///
/// `TOP` is no number.
pub fn top() -> Outcome<usize> {
    told("BENCH_MAX_VISITORS", TOP)
}

fn told(name: &str, otherwise: usize) -> Outcome<usize> {
    match env::var(name) {
        Ok(number) => Ok(number.parse()?),
        Err(_) => Ok(otherwise),
    }
}

/// Measures two sides in turn.
///
/// # Errors
///
/// That of a measurement.
pub fn in_turn(mut measure: impl FnMut(Side) -> Outcome<f64>) -> Outcome<Pair> {
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
        ratio: Figures::of(ratio.collect()),
        left: Figures::of(left),
        right: Figures::of(right),
    })
}

/// What one of two sites did, besides its rate.
#[derive(Default)]
struct Noted {
    site_micros: Vec<f64>,
    redis_micros: Vec<f64>,
    missed: u64,
    sent: String,
}

/// Measures two sites in turn, prints a row for each, and gives the ratio of their rates.
///
/// # Errors
///
/// A site that does not come up, or a page without its message.
pub fn sites(server: &mut Server, modes: [&'static str; 2], plan: Plan) -> Outcome<Figures> {
    server.empty()?;
    let url = server.url();
    let sites = [Site::start(modes[0], &url)?, Site::start(modes[1], &url)?];
    compare(server, sites, plan)
}

/// Compares the site with Salver of this build with that of another build, as [`sites`] does.
///
/// # Errors
///
/// As [`sites`].
pub fn builds(server: &mut Server, other: &str, plan: Plan) -> Outcome<Figures> {
    server.empty()?;
    let url = server.url();
    let sites = [
        Site::start("salver", &url)?,
        Site::start_program(other, "salver", &url)?,
    ];
    compare(server, sites, plan)
}

fn compare(server: &mut Server, sites: [Site; 2], plan: Plan) -> Outcome<Figures> {
    let modes = [sites[0].mode, sites[1].mode];
    let mut noted = [Noted::default(), Noted::default()];
    for (site, noted) in sites.iter().zip(&mut noted) {
        noted.sent = sent(server, site, plan)?;
    }
    let pair = in_turn(|side| {
        let served = load::run(&sites[side as usize], server, plan, TIME)?;
        let noted = &mut noted[side as usize];
        noted.site_micros.push(served.site_micros);
        noted.redis_micros.push(served.redis_micros);
        noted.missed += served.missed;
        Ok(served.rate)
    })?;
    let [left, right] = noted;
    row(modes[0], pair.left, None, left)?;
    row(modes[1], pair.right, Some(pair.ratio), right)?;
    Ok(pair.ratio)
}

/// Prints what stands above the rows.
///
/// # Errors
///
/// As [`rounds`].
pub fn head(title: &str) -> Outcome {
    println!("\n{title}, {} rounds", rounds()?);
    println!(
        "{:<14} {:<24} {:<20} {:>8} {:>9}  sent to Redis",
        "mode", "per second", "ratio", "site us", "redis us"
    );
    Ok(())
}

fn row(mode: &str, rate: Figures, ratio: Option<Figures>, noted: Noted) -> Outcome {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let (site, redis) = (
        Figures::of(noted.site_micros),
        Figures::of(noted.redis_micros),
    );
    println!(
        "{mode:<14} {:<24} {ratio:<20} {:>8.1} {:>9.1}  {}",
        format!("{rate:.0}"),
        site.median,
        redis.median,
        noted.sent
    );
    match noted.missed {
        0 => Ok(()),
        missed => Err(format!("the site '{mode}' missed {missed} messages").into()),
    }
}

/// Counts what a site sends to Redis for each page, or cycle.
fn sent(server: &mut Server, site: &Site, plan: Plan) -> Outcome<String> {
    // What a site asks when it comes up is not asked for each page.
    load::ask(site, plan, 1, SPYING)?;
    let (told, sent) = spy::during(server, || load::ask(site, plan, 1, SPYING))?;
    let units = told.requests / plan.requests();
    let each = sent
        .into_iter()
        .map(|(command, times)| (command, times as f64 / units));
    // The visitor came by a form of its own, which is not to be counted.
    let often = each.filter(|(_, times)| *times >= 0.02);
    let words: Vec<_> = often
        .map(|(command, times)| format!("{command} {times:.2}"))
        .collect();
    Ok(if words.is_empty() {
        "nothing".into()
    } else {
        words.join(", ")
    })
}
