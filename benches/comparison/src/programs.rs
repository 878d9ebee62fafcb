//! Programs that a benchmark starts, each on one core. They are killed when the benchmark ends.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// The core of the sites, and of the clients of the store.
pub const SITE_CORE: usize = 0;
/// The core of Redis and the load.
pub const OTHER_CORE: usize = 1;

/// A program on one core, killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

/// Returns the command that runs a program on one core.
pub fn on_core(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// Pins this process to one core, with all threads that it starts afterwards.
///
/// # Errors
///
/// `taskset` is not installed, or the core does not exist.
pub fn pin_to_core(core: usize) -> Result {
    let mut command = Command::new("taskset");
    let process = std::process::id().to_string();
    command.args(["-p", "-c", &core.to_string(), &process]);
    let status = command.stdout(Stdio::null()).status();
    match status.map_err(|error| start_error(error, "taskset", "util-linux"))? {
        status if status.success() => Ok(()),
        _ => Err(format!("this machine has no core {core}; the benchmarks need two").into()),
    }
}

/// Describes why a program did not start, and how to install it if it is missing.
pub fn start_error(error: io::Error, program: &str, package: &str) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("'{program}' is missing; install it with 'apt-get install {package}'")
        }
        _ => format!("'{program}' does not start: {error}"),
    }
}

impl Running {
    /// Starts a command without stdin.
    ///
    /// # Errors
    ///
    /// The command does not start.
    pub fn start(command: &mut Command) -> Result<Self> {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a command whose stdin and stdout are pipes to this process.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with_pipes(command: &mut Command) -> Result<Self> {
        Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.spawn();
        Ok(Self(child.map_err(|error| {
            start_error(error, "taskset", "util-linux")
        })?))
    }

    /// Returns the first line that the program prints, by which it says that it runs.
    ///
    /// # Errors
    ///
    /// It has no pipe, or ends before it prints a line.
    pub fn first_line(&mut self) -> Result<String> {
        let output = self.0.stdout.take().ok_or("the program has no output")?;
        let mut line = String::new();
        match BufReader::new(output).read_line(&mut line)? {
            0 => Err("the program ended before it ran".into()),
            _ => Ok(line.trim().to_owned()),
        }
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Returns the CPU time of all threads of the program.
    ///
    /// # Errors
    ///
    /// The program has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        cpu_time(&self.0.id().to_string())
    }

    /// Returns the resident memory of the program in bytes.
    ///
    /// # Errors
    ///
    /// The program has ended.
    pub fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|value| value.split_whitespace().next());
        Ok(1024.0 * kilobytes.unwrap_or_default().parse::<f64>()?)
    }
}

/// Returns the CPU time of all threads of a process, given by its id or as `self`.
///
/// # Errors
///
/// The process has ended, or the kernel has no `schedstat`.
pub fn cpu_time(process: &str) -> Result<Duration> {
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
        // Fails only if the program has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
