//! A process that receives changes from other processes, on the core of the sites.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, SystemTime};

use crate::Result;
use crate::programs::{Running, SITE_CORE, on_core};
use crate::site::sibling_program;

/// Visitors with consecutive numbers, distributed over concurrent tasks. Each task adds to, or
/// listens on, one context after the other.
#[derive(Clone, Copy, Debug)]
pub struct VisitorGroup {
    pub first: usize,
    pub visitors: usize,
    pub tasks: usize,
}

impl VisitorGroup {
    /// Returns the visitor numbers of one task.
    pub fn numbers_of_task(self, task: usize) -> impl Iterator<Item = usize> {
        (self.first + task..self.first + self.visitors).step_by(self.tasks)
    }
}

/// Returns the wall-clock time in Unix nanoseconds.
///
/// It is the only clock of the standard library that two processes can compare. The benchmarks
/// assume that the clock is not set during a run.
#[must_use]
pub fn now() -> u64 {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// A running `listener` program, killed when dropped.
pub struct Listener {
    process: Running,
    commands: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    /// Starts the program. Its pending index is not synced yet.
    ///
    /// # Errors
    ///
    /// The program does not start.
    pub fn start(redis: &str) -> Result<Self> {
        let mut command = on_core(SITE_CORE, &sibling_program("listener")?);
        let mut process = Running::start_with_pipes(command.arg(redis))?;
        let child = process.child();
        let (Some(commands), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the listener has no stdin or stdout".into());
        };
        Ok(Self {
            process,
            commands,
            replies: BufReader::new(replies).lines(),
        })
    }

    /// Waits until the pending index of the process is synced.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn wait_until_synced(&mut self) -> Result {
        while !self.is_synced()? {}
        Ok(())
    }

    /// Returns whether the pending index of the process is synced.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn is_synced(&mut self) -> Result<bool> {
        self.command("index")?;
        Ok(self.reply()? == "Ready")
    }

    /// Makes the process listen for changes of the visitors' contexts. Each task listens on one
    /// context after the other.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn listen(&mut self, group: VisitorGroup) -> Result {
        let VisitorGroup {
            first,
            visitors,
            tasks,
        } = group;
        self.command(&format!("listen {first} {visitors} {tasks}"))?;
        self.reply()?;
        Ok(())
    }

    /// Returns, for each visitor, the time at which the process received the change, if it did.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn change_times(&mut self, group: VisitorGroup) -> Result<Vec<Option<u64>>> {
        let mut times = vec![None; group.visitors];
        for _ in 0..group.visitors {
            let reply = self.reply()?;
            if let Some((number, time)) = reply.split_once(' ') {
                let number: usize = number.parse()?;
                let index = number.checked_sub(group.first);
                if let Some(entry) = index.and_then(|index| times.get_mut(index)) {
                    *entry = Some(time.parse()?);
                }
            }
        }
        Ok(times)
    }

    /// Requests the page of each visitor. Returns the number of pages without a message.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn missed(&mut self, first: usize, visitors: usize) -> Result<u64> {
        self.command(&format!("pages {first} {visitors}"))?;
        Ok(self.reply()?.parse()?)
    }

    /// Returns the CPU time of the process.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time()
    }

    /// Returns the resident memory of the process in bytes.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn resident_bytes(&self) -> Result<f64> {
        self.process.resident_bytes()
    }

    fn command(&mut self, command: &str) -> Result {
        Ok(writeln!(self.commands, "{command}")?)
    }

    fn reply(&mut self) -> Result<String> {
        let reply = self.replies.next().transpose()?;
        reply.ok_or_else(|| "the listener has ended".into())
    }
}
