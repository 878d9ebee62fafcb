//! A description of the machine, because results from different machines are not comparable.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::{Result, server};

/// How long scheduler stalls are measured.
const STALL_MEASURE_TIME: Duration = Duration::from_secs(2);
/// Shortest gap that counts as a stall. Interrupts and other short kernel work take less time.
const MIN_STALL: Duration = Duration::from_micros(200);

/// Prints the processor, the kernel, and the versions of Redis and rustc.
///
/// # Errors
///
/// redis-server is not installed.
pub fn print() -> Result {
    let cores = available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8_lossy(&rustc.stdout).into_owned();
    println!(
        "ENVIRONMENT {}, {cores} cores, Linux {}, redis-server {}, {}",
        processor()?,
        kernel.trim(),
        server::version()?,
        rustc.trim()
    );
    Ok(())
}

/// Prints the share of time in which the scheduler did not run a program that only reads the clock,
/// and the longest such gap. No delay can be measured below that.
pub fn print_scheduler_stall() {
    let (started, mut last) = (Instant::now(), Instant::now());
    let (mut stalled, mut longest) = (Duration::ZERO, Duration::ZERO);
    while started.elapsed() < STALL_MEASURE_TIME {
        let now = Instant::now();
        let gap = now - last;
        if gap > MIN_STALL {
            stalled += gap;
            longest = longest.max(gap);
        }
        last = now;
    }
    println!(
        "SCHEDULER_STALL {:.2} % of the time, {} us at most",
        100.0 * stalled.as_secs_f64() / STALL_MEASURE_TIME.as_secs_f64(),
        longest.as_micros()
    );
}

fn processor() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let line = info.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    Ok(name
        .map_or("unknown processor", |(_, name)| name)
        .to_owned())
}
