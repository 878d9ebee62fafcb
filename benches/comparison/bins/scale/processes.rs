//! The cost of an add in Redis, as the number of processes with a pending index grows.

use std::sync::Arc;
use std::time::Duration;

use comparison::Result;
use comparison::compare;
use comparison::fixture::{Fixture, micros_each};
use comparison::handle::Operation;
use comparison::load::{self, Workload};
use comparison::site::Site;
use comparison::statistics::Statistics;
use comparison::visitors::Visitor;

const PROCESSES: [usize; 6] = [0, 1, 2, 4, 8, 16];
const VISITORS: usize = 20_000;
/// How long a visitor sends requests to each site, so that the site opens all its connections.
const CONNECT_TIME: Duration = Duration::from_millis(50);

/// Prints microseconds of Redis for each add of one process, while other processes use the same
/// Redis.
pub(crate) fn measure() -> Result {
    println!(
        "\nProcesses on one Redis: microseconds of Redis for an add, and adds per second of one more process"
    );
    let (mut fixture, mut sites) = (Fixture::new()?, Vec::new());
    let visitors: Result<Arc<[Visitor]>> = (0..VISITORS).map(Visitor::nth).collect();
    let visitors = visitors?;
    for processes in PROCESSES {
        while sites.len() < processes {
            let site = Site::start("salver", &fixture.server.url())?;
            load::run_program(&site, Workload::NothingPending, 1, CONNECT_TIME)?;
            sites.push(site);
        }
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..compare::rounds()? {
            fixture.server.flush()?;
            let (elapsed, usage) = fixture.time_operation(&visitors, Operation::Add)?;
            costs.push(micros_each(usage.cpu_time, VISITORS));
            rates.push(VISITORS as f64 / elapsed.as_secs_f64());
        }
        println!(
            "{processes:<10} {:<24} {:.0}",
            format!("{:.1}", Statistics::of(costs)),
            Statistics::of(rates)
        );
    }
    Ok(())
}
