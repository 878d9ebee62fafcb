//! A redis-server of the benchmark's own, which keeps nothing on disk.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Cmd, Connection, FromRedisValue, cmd};

use crate::Outcome;
use crate::programs::{OTHER_CORE, Running, missing, on_core};

/// Most calls of `scan` that are no round through all keys: whoever looks after the health of a store takes one.
const LOOKS: u64 = 16;

const START: Duration = Duration::from_secs(10);

/// A server on a free port, ended when dropped.
pub struct Server {
    port: u16,
    connection: Connection,
    _process: Running,
}

/// What a server has spent so far.
#[derive(Clone, Debug)]
pub struct Spent {
    pub busy: Duration,
    /// By command: how often it ran, and for how many microseconds.
    pub commands: BTreeMap<String, (u64, u64)>,
}

impl Server {
    /// Starts one with further options, and waits until it answers.
    ///
    /// # Errors
    ///
    /// A server that is not installed, or does not come up.
    pub fn start(options: &[&str]) -> Outcome<Self> {
        version()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = on_core(OTHER_CORE, "redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no"]);
        let process = Running::start(command.args(options).stdout(Stdio::null()))?;
        let client = Client::open(url(port))?;
        let started = Instant::now();
        let connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                Err(error) if started.elapsed() > START => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        Ok(Self {
            port,
            connection,
            _process: process,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Runs one command.
    ///
    /// # Errors
    ///
    /// One that the server refuses.
    pub fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Outcome<T> {
        Ok(command.query(&mut self.connection)?)
    }

    /// Forgets all data.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn empty(&mut self) -> Outcome {
        self.run(cmd("FLUSHALL").arg("SYNC"))
    }

    /// Tells how many bytes its data take.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn memory(&mut self) -> Outcome<f64> {
        let info: String = self.run(cmd("INFO").arg("memory"))?;
        let used = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.unwrap_or_default().trim().parse()?)
    }

    /// Tells how often it ran a command.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn calls(&mut self, command: &str) -> Outcome<u64> {
        let spent = self.spent()?;
        Ok(spent.commands.get(command).map_or(0, |(calls, _)| *calls))
    }

    /// Tells whether an index has gone through all keys since there were so many calls of `scan`: it had lost what
    /// it knew.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn has_gone_round(&mut self, since: u64) -> Outcome<bool> {
        Ok(self.calls("scan")?.saturating_sub(since) > LOOKS)
    }

    /// Tells what it has spent since it started.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn spent(&mut self) -> Outcome<Spent> {
        let info: String = self.run(cmd("INFO").arg("all"))?;
        let mut spent = Spent {
            busy: Duration::ZERO,
            commands: BTreeMap::new(),
        };
        for line in info.lines() {
            if let Some((_, seconds)) = line
                .split_once(':')
                .filter(|(name, _)| matches!(*name, "used_cpu_user" | "used_cpu_sys"))
            {
                spent.busy += Duration::from_secs_f64(seconds.trim().parse()?);
            }
            if let Some((name, counts)) = line
                .strip_prefix("cmdstat_")
                .and_then(|line| line.split_once(':'))
            {
                let counts = (count(counts, "calls="), count(counts, "usec="));
                spent.commands.insert(name.to_owned(), counts);
            }
        }
        Ok(spent)
    }
}

impl Spent {
    /// Tells what was spent since an earlier time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |(name, (calls, micros)): (&String, &(u64, u64))| {
            let (before, then) = earlier.commands.get(name).copied().unwrap_or_default();
            (name.clone(), (calls - before, micros - then))
        };
        Self {
            busy: self.busy.saturating_sub(earlier.busy),
            commands: self.commands.iter().map(less).collect(),
        }
    }

    /// Tells how many microseconds the server needed for one run of a command.
    #[must_use]
    pub fn micros_per_call(&self, command: &str) -> f64 {
        let (calls, micros) = self.commands.get(command).copied().unwrap_or_default();
        micros as f64 / calls.max(1) as f64
    }
}

fn count(counts: &str, name: &str) -> u64 {
    let mut values = counts.split(',').filter_map(|part| part.strip_prefix(name));
    values
        .next()
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Tells which server would be started.
///
/// # Errors
///
/// None installed.
pub fn version() -> Outcome<String> {
    let asked = Command::new("redis-server").arg("--version").output();
    let asked = asked.map_err(|error| missing(error, "redis-server", "redis-server"))?;
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let version = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="));
    Ok(version.unwrap_or("of unknown version").to_owned())
}
