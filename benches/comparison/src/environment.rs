//! The machine's line: figures are worth nothing without it.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::{Outcome, server};

/// How long the machine is watched for standing still.
const WATCHED: Duration = Duration::from_secs(2);
/// Shortest time that counts: longer than what a kernel does beside a program.
const NOTICED: Duration = Duration::from_micros(200);

/// Prints what the figures were measured on.
///
/// # Errors
///
/// No redis-server.
pub fn tell() -> Outcome {
    let cores = available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8_lossy(&rustc.stdout).into_owned();
    println!(
        "MACHINE {}, {cores} cores, Linux {}, redis-server {}, {}",
        processor()?,
        kernel.trim(),
        server::version()?,
        rustc.trim()
    );
    Ok(())
}

/// Prints for which share of the time a program that does nothing but read the clock was not let: no delay can be
/// shorter than that.
pub fn tell_stillness() {
    let (started, mut last) = (Instant::now(), Instant::now());
    let (mut still, mut longest) = (Duration::ZERO, Duration::ZERO);
    while started.elapsed() < WATCHED {
        let now = Instant::now();
        let gap = now - last;
        if gap > NOTICED {
            still += gap;
            longest = longest.max(gap);
        }
        last = now;
    }
    println!(
        "SCHEDULER_STALL {:.2} % of the time, {} us at most",
        100.0 * still.as_secs_f64() / WATCHED.as_secs_f64(),
        longest.as_micros()
    );
}

fn processor() -> Outcome<String> {
    let told = fs::read_to_string("/proc/cpuinfo")?;
    let named = told.lines().find(|line| line.starts_with("model name"));
    let name = named.and_then(|line| line.split_once(": "));
    Ok(name
        .map_or("a processor without a name", |(_, name)| name)
        .to_owned())
}
