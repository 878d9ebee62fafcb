//! Real redis-servers, one for each test that asks.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::programs::{Running, free_port, scratch, start};

/// A redis-server of this test alone.
#[derive(Debug)]
pub struct Server {
    pub port: u16,
    _process: Running,
}

impl Server {
    /// Starts one on a free port and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        // The port that was free may be taken by the time the server binds it.
        (0..5)
            .find_map(|_| Self::try_start(options))
            .expect("no redis-server came up")
    }

    fn try_start(options: &[&str]) -> Option<Self> {
        let port = free_port();
        let folder = scratch("redis");
        let mut process = start(
            Command::new("redis-server")
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
                .stdout(Stdio::null()),
            "redis-server",
        );
        let started = Instant::now();
        while !process.is_over() && started.elapsed() < Duration::from_secs(10) {
            let url = format!("redis://127.0.0.1:{port}");
            let connection = redis::Client::open(url).unwrap().get_connection();
            if let Ok(mut connection) = connection
                && redis::cmd("PING").query::<String>(&mut connection).is_ok()
            {
                return Some(Self {
                    port,
                    _process: process,
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Opens a connection of the test's own, beside the store's.
    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url())
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
