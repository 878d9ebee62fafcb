//! A redis-server that only this benchmark uses. It has no persistence.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Cmd, Connection, FromRedisValue, cmd};

use crate::Result;
use crate::programs::{OTHER_CORE, Running, on_core, start_error};

/// Maximum number of `SCAN` calls that do not indicate a resync. A health check sends one; a resync
/// of all keys needs more.
const MAX_HEALTH_CHECK_SCANS: u64 = 16;

const START_TIMEOUT: Duration = Duration::from_secs(10);
const START_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A server on a free port, killed when dropped.
pub struct Server {
    port: u16,
    connection: Connection,
    _process: Running,
}

/// What a server has used since its start, or between two times.
#[derive(Clone, Debug)]
pub struct Usage {
    pub cpu_time: Duration,
    /// For each command: the number of calls, and their total microseconds.
    pub commands: BTreeMap<String, (u64, u64)>,
}

impl Server {
    /// Starts a server with further options, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// redis-server is not installed, or does not start.
    pub fn start(options: &[&str]) -> Result<Self> {
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
                Err(error) if started.elapsed() > START_TIMEOUT => return Err(error.into()),
                Err(_) => std::thread::sleep(START_POLL_INTERVAL),
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
    /// The server rejects the command.
    pub fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        Ok(command.query(&mut self.connection)?)
    }

    /// Removes all data.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn flush(&mut self) -> Result {
        self.run(cmd("FLUSHALL").arg("SYNC"))
    }

    /// Returns the memory that the server uses, in bytes.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn used_memory(&mut self) -> Result<f64> {
        let info: String = self.run(cmd("INFO").arg("memory"))?;
        let used = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.unwrap_or_default().trim().parse()?)
    }

    /// Returns the number of calls of a command.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn calls(&mut self, command: &str) -> Result<u64> {
        let usage = self.usage()?;
        Ok(usage.commands.get(command).map_or(0, |(calls, _)| *calls))
    }

    /// Returns whether a pending index has scanned all keys since `SCAN` had been called
    /// `scans_before` times. A process does so after its index has lost its data.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn has_resynced(&mut self, scans_before: u64) -> Result<bool> {
        Ok(self.calls("scan")?.saturating_sub(scans_before) > MAX_HEALTH_CHECK_SCANS)
    }

    /// Returns what the server has used since its start.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn usage(&mut self) -> Result<Usage> {
        let info: String = self.run(cmd("INFO").arg("all"))?;
        let mut usage = Usage {
            cpu_time: Duration::ZERO,
            commands: BTreeMap::new(),
        };
        for line in info.lines() {
            if let Some((_, seconds)) = line
                .split_once(':')
                .filter(|(name, _)| matches!(*name, "used_cpu_user" | "used_cpu_sys"))
            {
                usage.cpu_time += Duration::from_secs_f64(seconds.trim().parse()?);
            }
            if let Some((name, counts)) = line
                .strip_prefix("cmdstat_")
                .and_then(|line| line.split_once(':'))
            {
                let counts = (count(counts, "calls="), count(counts, "usec="));
                usage.commands.insert(name.to_owned(), counts);
            }
        }
        Ok(usage)
    }
}

impl Usage {
    /// Returns what was used since an earlier time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let difference = |(name, (calls, micros)): (&String, &(u64, u64))| {
            let (earlier_calls, earlier_micros) =
                earlier.commands.get(name).copied().unwrap_or_default();
            let counts = (calls - earlier_calls, micros - earlier_micros);
            (name.clone(), counts)
        };
        Self {
            cpu_time: self.cpu_time.saturating_sub(earlier.cpu_time),
            commands: self.commands.iter().map(difference).collect(),
        }
    }

    /// Returns the average microseconds of one call of a command.
    #[must_use]
    pub fn micros_per_call(&self, command: &str) -> f64 {
        let (calls, micros) = self.commands.get(command).copied().unwrap_or_default();
        micros as f64 / calls.max(1) as f64
    }
}

fn count(counts: &str, name: &str) -> u64 {
    let mut values = counts
        .split(',')
        .filter_map(|count| count.strip_prefix(name));
    values
        .next()
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Returns the version of the installed server.
///
/// # Errors
///
/// redis-server is not installed.
pub fn version() -> Result<String> {
    let output = Command::new("redis-server").arg("--version").output();
    let output = output.map_err(|error| start_error(error, "redis-server", "redis-server"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text
        .split_whitespace()
        .find_map(|field| field.strip_prefix("v="));
    Ok(version.unwrap_or("of unknown version").to_owned())
}
