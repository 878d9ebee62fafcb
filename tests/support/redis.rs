//! Real redis-servers. Each test starts its own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use salver::{Context, MessageId};

use super::acl::{self, PASSWORD};
use super::eventually;
use super::processes::{ChildProcess, free_port, library, scratch, start};

/// A redis-server that only this test uses.
#[derive(Debug)]
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    launch: LaunchOptions,
    process: ChildProcess,
}

/// What is needed to start the server again in the same way.
#[derive(Clone, Debug)]
struct LaunchOptions {
    options: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Server {
    /// Starts a server on a free port and waits until it replies.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        Self::start_on(free_port, options)
    }

    /// Starts a server on a port that `port` returns.
    pub fn start_on(port: fn() -> u16, options: &[&str]) -> Self {
        Self::start_as(port, &[], options)
    }

    /// Starts a server whose wall clock shows the time in a file, in seconds. Expired keys are
    /// removed when they are accessed, never in the background.
    pub fn start_at(time: &Path) -> Self {
        Self::start_at_with(time, &[])
    }

    /// Starts such a server with options.
    pub fn start_at_with(time: &Path, options: &[&str]) -> Self {
        let preload = preload();
        let environment = environment_at(time, &preload);
        let debug = ["--enable-debug-command", "local"];
        let server = Self::start_as(free_port, &environment, &[&debug, options].concat());
        server.run::<()>(&[b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"]);
        server
    }

    /// Starts a server on a port that `port` returns, whose wall clock is set by a file.
    pub fn start_on_at(port: fn() -> u16, time: &Path, options: &[&str]) -> Self {
        let preload = preload();
        Self::start_as(port, &environment_at(time, &preload), options)
    }

    fn start_as(port: fn() -> u16, environment: &[(&'static str, &str)], options: &[&str]) -> Self {
        let environment = environment
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut launch = LaunchOptions {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            environment: environment.collect(),
        };
        if with_acl() {
            launch.options.extend(acl::options());
        }
        // Another process may take the free port before the server binds it.
        (0..5)
            .find_map(|_| Self::try_start(port(), scratch("redis"), launch.clone()))
            .expect("no redis-server started in 5 attempts")
    }

    fn try_start(port: u16, folder: PathBuf, launch: LaunchOptions) -> Option<Self> {
        let process = launch.spawn(port, &folder);
        let mut server = Self {
            port,
            folder,
            launch,
            process,
        };
        server.is_ready().then_some(server)
    }

    /// Waits until the server replies. Returns `false` if it exits or does not reply in 10 seconds.
    fn is_ready(&mut self) -> bool {
        let started = Instant::now();
        while !self.process.has_exited() && started.elapsed() < Duration::from_secs(10) {
            let connection = redis::Client::open(self.address())
                .unwrap()
                .get_connection();
            if let Ok(mut connection) = connection {
                // A request for a password is a reply too.
                match redis::cmd("PING").query::<String>(&mut connection) {
                    Err(error) if error.code() != Some("NOAUTH") => {}
                    _ => return true,
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Kills the server with `SIGKILL`.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait();
    }

    /// Returns the server's working directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the server again on its port, with its files, and does not wait until it replies.
    pub fn respawn(&mut self) {
        self.process = self.launch.spawn(self.port, &self.folder);
    }

    /// Sends a signal: `STOP` suspends the process, as when a machine hangs; `CONT` resumes it.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Starts the server again and waits until it replies.
    pub fn restart(&mut self) {
        self.respawn();
        assert!(self.is_ready(), "redis-server did not restart");
    }

    /// Starts the server again as [`restart`](Self::restart) does, with more time: it may have much to load.
    pub fn restart_patiently(&mut self) {
        self.respawn();
        let is_ready = (0..6).any(|_| self.is_ready());
        assert!(is_ready, "redis-server did not restart");
    }

    /// Starts the server again with a clock that is ahead of the system's, and waits until it replies. Unlike a clock in a
    /// file, it costs hardly any time.
    pub fn restart_ahead(&mut self, time: Duration) {
        self.launch.environment = vec![
            ("LD_PRELOAD", preload()),
            ("FAKETIME", format!("+{}", time.as_secs())),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        self.restart();
    }

    /// Returns the address for Salver. With `SALVER_TEST_ACL` it names the user that has only the
    /// documented permissions.
    pub fn url(&self) -> String {
        match with_acl() {
            true => self.url_as("salver", PASSWORD),
            false => self.address(),
        }
    }

    /// Returns the address with a user and a password.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Opens a separate connection as the default user.
    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.address())
            .unwrap()
            .get_connection()
            .unwrap()
    }

    /// Empties the server, and waits until so many replicas have acknowledged it: a replica is online before
    /// it acknowledges writes.
    pub fn wait_for_replicas(&self, replicas: usize) {
        let mut connection = self.connect();
        redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
        let mut wait = redis::cmd("WAIT");
        let acknowledged: usize = wait
            .arg(replicas)
            .arg(10_000)
            .query(&mut connection)
            .unwrap();
        assert!(
            acknowledged >= replicas,
            "{acknowledged} of {replicas} replicas acknowledged a write"
        );
    }

    pub fn set_config(&self, name: &str, value: &str) {
        let _: String = self.run(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]);
    }

    /// Waits until the reply to `INFO` has this line.
    pub async fn wait_for_info(&self, line: &str) {
        eventually(line, async || {
            let info: String = self.run(&[b"INFO"]);
            info.lines().any(|other| other == line).then_some(())
        })
        .await;
    }

    /// Makes the server refuse writes, since its last snapshot has failed. It accepts them when `save` is empty.
    pub async fn fail_snapshots(&self) {
        std::fs::remove_dir_all(self.folder()).unwrap();
        self.set_config("save", "3600 1");
        // A clock that was moved may have begun one.
        let _ = redis::cmd("BGSAVE").query::<String>(&mut self.connect());
        self.wait_for_info("rdb_last_bgsave_status:err").await;
    }

    /// Waits until the server has a client whose command waits, or has none.
    pub async fn wait_for_blocked(&self, is_blocked: bool) {
        eventually("a command waits, or none", async || {
            let clients: String = self.run(&[b"CLIENT", b"LIST"]);
            let blocked = clients.lines().any(|client| client.contains(" flags=b "));
            (blocked == is_blocked).then_some(())
        })
        .await;
    }

    /// Returns how many commands the server has refused, since it is full, a replica, or its snapshot has failed.
    pub fn refused_commands(&self) -> usize {
        let info: String = self.run(&[b"INFO", b"errorstats"]);
        let counts = info.lines().filter_map(|line| {
            let (error, count) = line.strip_prefix("errorstat_")?.split_once(":count=")?;
            let is_refusal = ["OOM", "READONLY", "MISCONF"].contains(&error);
            is_refusal.then(|| count.parse::<usize>().unwrap())
        });
        counts.sum()
    }

    /// Runs one command over a new connection, as `redis-cli` does.
    pub fn run<T: redis::FromRedisValue>(&self, command: &[&[u8]]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        let mut command = redis::cmd(std::str::from_utf8(name).unwrap());
        for argument in arguments {
            command.arg(*argument);
        }
        command.query(&mut self.connect()).unwrap()
    }
}

/// Returns the libraries before those of the server. The C library comes before jemalloc, which reads the time before
/// libfaketime is ready.
fn preload() -> String {
    format!("{} libc.so.6", faketime().display())
}

fn with_acl() -> bool {
    std::env::var_os("SALVER_TEST_ACL").is_some()
}

impl LaunchOptions {
    fn spawn(&self, port: u16, folder: &Path) -> ChildProcess {
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

/// Returns the ids of all messages in these contexts, visible or not, read over a separate
/// connection.
pub fn pending(server: &Server, contexts: &[Context]) -> HashSet<MessageId> {
    let mut connection = server.connect();
    let mut ids = HashSet::new();
    for context in contexts {
        let mut range = redis::cmd("ZRANGE");
        let range = range.arg(context.key()).arg(0).arg(-1);
        let members: Vec<String> = range.query(&mut connection).unwrap();
        ids.extend(
            members
                .iter()
                .map(|member| member[7..43].parse::<MessageId>().unwrap()),
        );
    }
    ids
}

/// Returns the ids of the connections with client tracking in broadcasting mode.
pub fn tracking_connections(server: &Server) -> Vec<String> {
    let clients: String = server.run(&[b"CLIENT", b"LIST", b"TYPE", b"pubsub"]);
    let is_tracking = |client: &&str| {
        let mut fields = client.split(' ');
        fields.any(|field| field.starts_with("flags=") && field.contains('B'))
    };
    let ids = clients.lines().filter(is_tracking);
    ids.filter_map(|client| client.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Writes a message by a bare ZADD, as an external writer does.
pub fn external_zadd(server: &Server, context: &Context, text: &str) {
    let id = uuid::Uuid::now_v7();
    let member = format!(r#"{{"id":"{id}","v":1,"level":"info","text":"{text}"}}"#);
    let score = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let score = score.unwrap().as_millis() - Duration::from_secs(1).as_millis();
    let (key, score) = (context.key(), score.to_string());
    let _: u64 = server.run(&[b"ZADD", key.as_bytes(), score.as_bytes(), member.as_bytes()]);
}

/// Returns the library by which a process takes its time from a file.
pub fn faketime() -> PathBuf {
    library("faketime/libfaketimeMT.so.1", "libfaketime")
}

/// Returns the environment of a process whose time is in a file, in Unix seconds. `preload`: the libraries before its own.
pub fn environment_at<'a>(time: &'a Path, preload: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("LD_PRELOAD", preload),
        ("FAKETIME_TIMESTAMP_FILE", time.to_str().unwrap()),
        ("FAKETIME_FMT", "%s"),
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]
}
