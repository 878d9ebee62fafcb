//! Programs that a benchmark starts, each on a core of its own, and ends with itself.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Outcome;

/// Where the sites and the clients of the store run.
pub const SITE_CORE: usize = 0;
/// Where Redis and the load run.
pub const OTHER_CORE: usize = 1;

/// A program on one core, killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

/// Gives the command that runs a program on one core.
pub fn on_core(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// Puts this process on one core, with all threads that it starts from now on.
///
/// # Errors
///
/// No `taskset`, or no such core.
pub fn stay_on_core(core: usize) -> Outcome {
    let mut command = Command::new("taskset");
    let own = std::process::id().to_string();
    command.args(["-p", "-c", &core.to_string(), &own]);
    let moved = command.stdout(Stdio::null()).status();
    match moved.map_err(|error| missing(error, "taskset", "util-linux"))? {
        status if status.success() => Ok(()),
        _ => Err(format!("this machine has no core {core}: the benchmarks need two").into()),
    }
}

/// Tells how to get a program that is not there.
pub fn missing(error: io::Error, program: &str, package: &str) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("'{program}' is missing: 'apt-get install {package}' brings it")
        }
        _ => format!("'{program}' does not start: {error}"),
    }
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    ///
    /// One that does not start.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a command that takes orders and answers them.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn to_order(command: &mut Command) -> Outcome<Self> {
        Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Outcome<Self> {
        let child = command.spawn();
        Ok(Self(child.map_err(|error| {
            missing(error, "taskset", "util-linux")
        })?))
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Tells how long the program has been on the processor, all threads together.
    ///
    /// # Errors
    ///
    /// A program that has ended.
    pub fn busy(&self) -> Outcome<Duration> {
        busy(&self.0.id().to_string())
    }

    /// Tells how many bytes of the machine's memory the program takes.
    ///
    /// # Errors
    ///
    /// A program that has ended.
    pub fn memory(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|words| words.split_whitespace().next());
        Ok(1024.0 * kilobytes.unwrap_or_default().parse::<f64>()?)
    }
}

/// Tells how long a process has been on the processor, all threads together.
///
/// # Errors
///
/// A process that has ended, and a kernel that does not count.
pub fn busy(process: &str) -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let counts = fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = counts.split_whitespace().next().unwrap_or_default();
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
