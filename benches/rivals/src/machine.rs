//! The machine's line: figures are worth nothing without it.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use crate::{Outcome, server};

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

fn processor() -> Outcome<String> {
    let told = fs::read_to_string("/proc/cpuinfo")?;
    let named = told.lines().find(|line| line.starts_with("model name"));
    let name = named.and_then(|line| line.split_once(": "));
    Ok(name
        .map_or("a processor without a name", |(_, name)| name)
        .to_owned())
}
