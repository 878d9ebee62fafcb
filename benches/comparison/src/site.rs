//! A site in one of its modes, on the core of the sites.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::programs::{Running, SITE_CORE, on_core};

/// Maximum time until the pending index of a site is synced. Scanning a million keys takes seconds.
const SYNC_TIMEOUT: Duration = Duration::from_secs(60);
const SYNC_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running site, killed when dropped.
#[derive(Debug)]
pub struct Site {
    pub mode: &'static str,
    pub address: String,
    process: Running,
}

impl Site {
    /// Starts a site. Waits until it accepts connections and its pending index, if it has one, is
    /// synced.
    ///
    /// # Errors
    ///
    /// The site does not start; it prints the reason to stderr.
    pub fn start(mode: &'static str, redis: &str) -> Result<Self> {
        Self::start_program(&sibling_program("site")?, mode, redis)
    }

    /// Starts the `site` program of another build, such as that of an earlier commit.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_program(program: &str, mode: &'static str, redis: &str) -> Result<Self> {
        let mut command = on_core(SITE_CORE, program);
        let mut process = Running::start(command.args([mode, redis]).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take();
        let mut address = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(format!("the site '{mode}' did not start").into());
        }
        let site = Self {
            mode,
            address,
            process,
        };
        site.wait_until_synced()?;
        Ok(site)
    }

    /// Waits until the pending index is synced, and returns how long that took. Returns immediately
    /// for a site without a pending index.
    ///
    /// # Errors
    ///
    /// The site does not respond, or its index is not synced within a minute.
    pub fn wait_until_synced(&self) -> Result<Duration> {
        let started = Instant::now();
        while self.is_syncing()? {
            if started.elapsed() > SYNC_TIMEOUT {
                return Err(format!(
                    "the pending index of the site '{}' does not sync",
                    self.mode
                )
                .into());
            }
            sleep(SYNC_POLL_INTERVAL);
        }
        Ok(started.elapsed())
    }

    /// Returns whether the site has a pending index that is not synced yet.
    ///
    /// # Errors
    ///
    /// The site does not respond.
    pub fn is_syncing(&self) -> Result<bool> {
        let mut stream = TcpStream::connect(&self.address)?;
        let host = &self.address;
        write!(
            stream,
            "GET /index HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response.ends_with("Syncing"))
    }

    /// Returns the CPU time of the site.
    ///
    /// # Errors
    ///
    /// The site has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time()
    }
}

/// Returns the path of a program in the directory of this program.
///
/// # Errors
///
/// The path of this program is unknown.
pub fn sibling_program(name: &str) -> Result<String> {
    let path = std::env::current_exe()?.with_file_name(name);
    Ok(path.to_string_lossy().into_owned())
}
