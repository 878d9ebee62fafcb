//! A site in one of its modes, on the core of the sites.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::programs::{Running, SITE_CORE, on_core};

/// Longest time that a site may take to know what is pending, and how often it is asked.
const LONGEST: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_millis(10);

/// A site that listens, ended when dropped.
#[derive(Debug)]
pub struct Site {
    pub mode: &'static str,
    pub address: String,
    process: Running,
}

impl Site {
    /// Starts a site and waits until it listens, and until its pages know without asking, if they ever do.
    ///
    /// # Errors
    ///
    /// A site that does not come up: it has said why.
    pub fn start(mode: &'static str, redis: &str) -> Outcome<Self> {
        Self::start_program(&beside_this("site")?, mode, redis)
    }

    /// Starts the `site` program of another build, such as that of an earlier commit.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_program(program: &str, mode: &'static str, redis: &str) -> Outcome<Self> {
        let mut command = on_core(SITE_CORE, program);
        let mut process = Running::start(command.args([mode, redis]).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take();
        let mut address = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(format!("the site '{mode}' did not come up").into());
        }
        let site = Self {
            mode,
            address,
            process,
        };
        site.learn()?;
        Ok(site)
    }

    /// Waits until its pages know without asking; tells how long that was. A site that never knows is not waited
    /// for.
    ///
    /// # Errors
    ///
    /// A site that does not answer, or does not come to know.
    pub fn learn(&self) -> Outcome<Duration> {
        let started = Instant::now();
        while self.is_learning()? {
            if started.elapsed() > LONGEST {
                return Err(
                    format!("the site '{}' does not learn what is pending", self.mode).into(),
                );
            }
            sleep(BETWEEN);
        }
        Ok(started.elapsed())
    }

    /// Tells whether its pages are about to know without asking.
    ///
    /// # Errors
    ///
    /// A site that does not answer.
    pub fn is_learning(&self) -> Outcome<bool> {
        let mut stream = TcpStream::connect(&self.address)?;
        let host = &self.address;
        write!(
            stream,
            "GET /index HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.ends_with("Syncing"))
    }

    /// Tells how long the site has been on the processor.
    ///
    /// # Errors
    ///
    /// A site that has ended.
    pub fn busy(&self) -> Outcome<Duration> {
        self.process.busy()
    }
}

/// Gives the path of a program that was built with this one.
///
/// # Errors
///
/// A program that does not know where it is.
pub fn beside_this(name: &str) -> Outcome<String> {
    let path = std::env::current_exe()?.with_file_name(name);
    Ok(path.to_string_lossy().into_owned())
}
