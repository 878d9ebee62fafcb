//! Real redis-servers, one for each test that asks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::programs::{Running, free_port, scratch, start};
use super::rights::{self, PASSWORD};

/// A redis-server of this test alone.
#[derive(Debug)]
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    options: Vec<String>,
    process: Running,
}

impl Server {
    /// Starts one on a free port and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        Self::start_at(free_port, options)
    }

    /// Starts one on a port of a kind.
    pub fn start_at(port: fn() -> u16, options: &[&str]) -> Self {
        // The port that was free may be taken by the time the server binds it.
        (0..5)
            .find_map(|_| {
                let options = options.iter().map(|option| (*option).to_owned());
                Self::try_start(port(), scratch("redis"), options.collect())
            })
            .expect("no redis-server came up")
    }

    fn try_start(port: u16, folder: PathBuf, mut options: Vec<String>) -> Option<Self> {
        if with_rights() {
            options.extend(rights::options());
        }
        let process = spawn(port, &folder, &options);
        let mut server = Self {
            port,
            folder,
            options,
            process,
        };
        server.answers().then_some(server)
    }

    /// Waits until it answers, or is over.
    fn answers(&mut self) -> bool {
        let started = Instant::now();
        while !self.process.is_over() && started.elapsed() < Duration::from_secs(10) {
            let client = redis::Client::open(self.address()).unwrap();
            let connection = client.get_connection();
            if let Ok(mut connection) = connection
                && redis::cmd("PING").query::<String>(&mut connection).is_ok()
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait();
    }

    /// Sends it a signal: `STOP` makes it silent, as a machine that hangs; `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Starts it again where it was, with what it has kept, and waits until it answers.
    pub fn start_again(&mut self) {
        self.process = spawn(self.port, &self.folder, &self.options);
        assert!(self.answers(), "redis-server does not come up again");
    }

    /// Gives the address for Salver: with `SALVER_TEST_ACL` of a user that has the documented rights alone.
    pub fn url(&self) -> String {
        match with_rights() {
            true => format!("redis://salver:{PASSWORD}@127.0.0.1:{}", self.port),
            false => self.address(),
        }
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Opens a connection of the test's own, beside the store's.
    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.address())
            .unwrap()
            .get_connection()
            .unwrap()
    }

    /// Runs one command, as somebody at a shell would.
    pub fn run<T: redis::FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let (name, args) = words.split_first().unwrap();
        let mut command = redis::cmd(std::str::from_utf8(name).unwrap());
        for arg in args {
            command.arg(*arg);
        }
        command.query(&mut self.connect()).unwrap()
    }
}

fn with_rights() -> bool {
    std::env::var_os("SALVER_TEST_ACL").is_some()
}

fn spawn(port: u16, folder: &Path, options: &[String]) -> Running {
    let mut command = Command::new("redis-server");
    command
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .args(["--dir", folder.to_str().unwrap()])
        .args(options)
        .stdout(Stdio::null());
    start(&mut command, "redis-server")
}
