//! Two brokers that share the deliveries to 100 receivers, each of which answers after 50 ms.

use std::process::Command;
use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::programs::Running;
use comparison::server::Server;
use comparison::statistics::Statistics;
use tokio::runtime::Builder;

use crate::endpoints::{publish, register, salver};
use crate::receivers::Receivers;

const ENDPOINTS: usize = 100;
const DELAY_MS: u64 = 50;
const EVENTS: usize = 40;
const DELIVERIES: usize = ENDPOINTS * EVENTS;

/// Measures the deliveries per second of two brokers against those of one.
pub(crate) fn measure() -> Result<Statistics> {
    let mut server = Server::start(&[])?;
    let mut command = Command::new(std::env::current_exe()?);
    let receivers = Receivers::start(&mut command, ENDPOINTS, DELAY_MS)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut expected = 0;
    let mut measure = |side: Side| {
        server.flush()?;
        expected += DELIVERIES;
        runtime.block_on(async {
            let salver = salver(&server.url())?;
            register(&salver, &receivers.ports).await?;
            publish(&salver, EVENTS).await
        })?;
        let brokers = match side {
            Side::Left => 2,
            Side::Right => 1,
        };
        let started = Instant::now();
        let brokers: Result<Vec<_>> = (0..brokers).map(|_| start(&server.url())).collect();
        let _brokers = brokers?;
        runtime.block_on(receivers.wait_for(expected))?;
        Ok(DELIVERIES as f64 / started.elapsed().as_secs_f64())
    };
    measure(Side::Left)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "deliver, two brokers", pair.left);
    println!("{:<24} {:.0} per second", "deliver, one broker", pair.right);
    Ok(pair.ratio)
}

fn start(redis: &str) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = Running::start_with_pipes(command.args(["worker", redis]))?;
    process.first_line()?;
    Ok(process)
}
