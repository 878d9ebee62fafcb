//! Real redis-servers, one for each test that asks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::acl::{self, PASSWORD};
use super::processes::{Running, free_port, library, scratch, start};

/// A redis-server of this test alone.
#[derive(Debug)]
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    set_up: SetUp,
    process: Running,
}

/// What it takes to start it, and to start it again.
#[derive(Clone, Debug)]
struct SetUp {
    options: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Server {
    /// Starts one on a free port and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        Self::start_on(free_port, options)
    }

    /// Starts one on a port of a kind.
    pub fn start_on(port: fn() -> u16, options: &[&str]) -> Self {
        Self::start_as(port, &[], options)
    }

    /// Starts one whose wall clock stands at what a file says, in seconds. What expires goes when it is asked for,
    /// never by itself.
    pub fn start_at(time: &Path) -> Self {
        let faketime = library("faketime/libfaketimeMT.so.1", "libfaketime");
        let preload = format!("{} libc.so.6", faketime.display());
        // The C library goes before jemalloc, which asks for the time before there is a fake one.
        let environment = [
            ("LD_PRELOAD", preload.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", time.to_str().unwrap()),
            ("FAKETIME_FMT", "%s"),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let server = Self::start_as(
            free_port,
            &environment,
            &["--enable-debug-command", "local"],
        );
        server.run::<()>(&[b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"]);
        server
    }

    fn start_as(port: fn() -> u16, environment: &[(&'static str, &str)], options: &[&str]) -> Self {
        let environment = environment
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut set_up = SetUp {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            environment: environment.collect(),
        };
        if with_rights() {
            set_up.options.extend(acl::options());
        }
        // The port that was free may be taken by the time the server binds it.
        (0..5)
            .find_map(|_| Self::try_start(port(), scratch("redis"), set_up.clone()))
            .expect("no redis-server came up")
    }

    fn try_start(port: u16, folder: PathBuf, set_up: SetUp) -> Option<Self> {
        let process = set_up.spawn(port, &folder);
        let mut server = Self {
            port,
            folder,
            set_up,
            process,
        };
        server.answers().then_some(server)
    }

    /// Waits until it answers, or is over.
    fn answers(&mut self) -> bool {
        let started = Instant::now();
        while !self.process.is_over() && started.elapsed() < Duration::from_secs(10) {
            let connection = redis::Client::open(self.address())
                .unwrap()
                .get_connection();
            if let Ok(mut connection) = connection {
                // Asking for a password is an answer too.
                match redis::cmd("PING").query::<String>(&mut connection) {
                    Err(error) if error.code() != Some("NOAUTH") => {}
                    _ => return true,
                }
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

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it again where it was, with what it has kept; does not wait for it.
    pub fn spawn_again(&mut self) {
        self.process = self.set_up.spawn(self.port, &self.folder);
    }

    /// Sends it a signal: `STOP` makes it silent, as a machine that hangs; `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Starts it again and waits until it answers.
    pub fn start_again(&mut self) {
        self.spawn_again();
        assert!(self.answers(), "redis-server does not come up again");
    }

    /// Gives the address for Salver: with `SALVER_TEST_ACL` of a user that has the documented rights alone.
    pub fn url(&self) -> String {
        match with_rights() {
            true => self.url_as("salver", PASSWORD),
            false => self.address(),
        }
    }

    /// Gives the address with a user and a password.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
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

impl SetUp {
    fn spawn(&self, port: u16, folder: &Path) -> Running {
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
            .args(&self.options)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::null());
        start(&mut command, "redis-server")
    }
}
