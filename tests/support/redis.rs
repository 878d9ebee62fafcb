//! Real redis-servers, one for each test that asks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::programs::{Running, free_port, library, scratch, start};

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
        Self::start_as(|| Command::new("redis-server"), options)
    }

    /// Starts one whose wall clock stands at what a file says, in seconds. What expires goes when it is asked for,
    /// never by itself.
    pub fn start_at(time: &Path) -> Self {
        let faketime = library("faketime/libfaketimeMT.so.1", "libfaketime");
        let program = || {
            let mut program = Command::new("redis-server");
            // The C library goes before jemalloc, which asks for the time before there is a fake one.
            program
                .env("LD_PRELOAD", format!("{} libc.so.6", faketime.display()))
                .env("FAKETIME_TIMESTAMP_FILE", time)
                .env("FAKETIME_FMT", "%s")
                .env("FAKETIME_NO_CACHE", "1")
                .env("DONT_FAKE_MONOTONIC", "1");
            program
        };
        let server = Self::start_as(program, &["--enable-debug-command", "local"]);
        server.run::<()>(&[b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"]);
        server
    }

    fn start_as(program: impl Fn() -> Command, options: &[&str]) -> Self {
        // The port that was free may be taken by the time the server binds it.
        (0..5)
            .find_map(|_| Self::try_start(program(), options))
            .expect("no redis-server came up")
    }

    fn try_start(mut program: Command, options: &[&str]) -> Option<Self> {
        let port = free_port();
        let folder = scratch("redis");
        let mut process = start(
            program
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
