//! Measures how long the page takes that shows the message of a form, at 300 cycles per second: far fewer
//! than each of the sites can serve.
//!
//! A ratio is the time of the alternative, divided by that of Salver: more is better for Salver.

use std::time::Duration;

use comparison::compare::{self, Side};
use comparison::load::{self, Workload};
use comparison::server::Server;
use comparison::site::Site;
use comparison::statistics::Statistics;
use comparison::{Result, environment};

/// The modes that Salver is compared with, and their names in the output.
const RIVALS: [(&str, &str); 2] = [
    ("flash-session", "session-rival"),
    ("flash-cookie", "cookie-rival"),
];
/// Length of one measurement: 1,200 pages, of which 12 take longer than the 99th percentile.
const MEASURE_TIME: Duration = Duration::from_secs(4);

fn main() -> Result {
    environment::print()?;
    environment::print_scheduler_stall();
    let mut server = Server::start(&[])?;
    println!(
        "\nPage with the message of a form, at 300 cycles per second, {} rounds",
        compare::rounds()?
    );
    println!("{:<14} {:<24} {:<24}", "mode", "p50 us", "p99 us");
    let mut ratios = Vec::new();
    for (mode, name) in RIVALS {
        ratios.push((name, measure(&mut server, mode)?));
    }
    println!();
    for (name, [median, high]) in ratios {
        median.print_ratio(&format!("latency/p50/{name}"));
        high.print_ratio(&format!("latency/p99/{name}"));
    }
    Ok(())
}

/// Returns the ratios of the medians and of the 99th percentiles.
fn measure(server: &mut Server, rival: &'static str) -> Result<[Statistics; 2]> {
    server.flush()?;
    let url = server.url();
    let sites = [Site::start("salver", &url)?, Site::start(rival, &url)?];
    // One entry a round, of each site.
    let mut percentiles: [Vec<[f64; 2]>; 2] = [Vec::new(), Vec::new()];
    compare::measure_alternating(|side: Side| {
        let site = &sites[side as usize];
        let report = load::run_program(site, Workload::FixedRate, load::VISITORS, MEASURE_TIME)?;
        if report.missed() > 0 {
            let missed = report.missed();
            return Err(format!(
                "{missed} messages are missing from pages of '{}'",
                site.mode
            )
            .into());
        }
        let measured = report
            .percentiles
            .ok_or("the load printed no percentiles")?;
        percentiles[side as usize].push(measured);
        Ok(measured[0])
    })?;
    for (site, measured) in sites.iter().zip(&percentiles) {
        let [median, high] = [0, 1].map(|at| statistics_of(measured.iter().map(|all| all[at])));
        println!(
            "{:<14} {:<24} {:<24}",
            site.mode,
            format!("{median:.0}"),
            format!("{high:.0}")
        );
    }
    let [salver, rival] = percentiles;
    let rounds = || rival.iter().zip(&salver);
    Ok([0, 1].map(|at| statistics_of(rounds().map(|(theirs, ours)| theirs[at] / ours[at]))))
}

fn statistics_of(values: impl Iterator<Item = f64>) -> Statistics {
    Statistics::of(values.collect())
}
