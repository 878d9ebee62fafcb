//! A primary with replicas, monitored by Sentinels.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::processes::{ChildProcess, free_port, scratch, start};
use super::redis::Server;

/// How long a primary may be unreachable before a Sentinel marks it as down.
pub const DOWN_AFTER: Duration = Duration::from_millis(500);
/// The Sentinels' name for the primary.
pub const PRIMARY: &str = "main";
/// Number of Sentinels that must agree that the primary is down.
const QUORUM: usize = 2;
/// A primary serves a replica immediately, without waiting for further replicas.
const NO_SYNC_DELAY: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// A primary, its replicas and the Sentinels that monitor it.
#[derive(Debug)]
pub struct SentinelSetup {
    /// The first primary, then its replicas.
    pub servers: Vec<Server>,
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    port: u16,
    process: ChildProcess,
}

impl SentinelSetup {
    /// Starts a primary with replicas and three Sentinels, and waits until the Sentinels have
    /// discovered all of them.
    pub fn start(replicas: usize) -> Self {
        let primary = Server::start_with(&NO_SYNC_DELAY);
        let port = primary.port.to_string();
        let replica = || {
            let follow = ["--replicaof", "127.0.0.1", &port];
            Server::start_with(&[&follow[..], &NO_SYNC_DELAY].concat())
        };
        let mut servers = vec![primary];
        servers.extend((0..replicas).map(|_| replica()));
        wait("a replica is not in sync", || {
            let info: String = servers[0].run(&[b"INFO", b"replication"]);
            info.matches("state=online").count() == replicas
        });
        let settings = format!("sentinel monitor {PRIMARY} 127.0.0.1 {port} {QUORUM}");
        let sentinels = (0..3).map(|_| Sentinel::start(&settings)).collect();
        let setup = Self { servers, sentinels };
        wait("the Sentinels have not discovered each other", || {
            let mut sentinels = setup.sentinels.iter();
            sentinels.all(|sentinel| sentinel.has_discovered(replicas, 2))
        });
        setup
    }

    /// Starts one Sentinel for a primary. `settings` are the lines of `sentinel.conf` that name the
    /// primary.
    pub fn single(primary: Server, settings: &str) -> Self {
        let setup = Self {
            servers: vec![primary],
            sentinels: vec![Sentinel::start(settings)],
        };
        wait("the Sentinel has not discovered the primary", || {
            setup.sentinels[0].has_discovered(0, 0)
        });
        setup
    }

    /// Returns the addresses of the Sentinels.
    pub fn urls(&self) -> Vec<String> {
        let url = |sentinel: &Sentinel| format!("redis://127.0.0.1:{}", sentinel.port);
        self.sentinels.iter().map(url).collect()
    }

    /// Makes the first Sentinel monitor another primary.
    pub fn monitor(&self, primary: &Server) {
        let mut sentinel = connect(self.sentinels[0].port).unwrap();
        let mut run = |arguments: &[&str]| {
            let mut command = redis::cmd("SENTINEL");
            command.arg(arguments).exec(&mut sentinel).unwrap();
        };
        run(&["REMOVE", PRIMARY]);
        let port = primary.port.to_string();
        run(&["MONITOR", PRIMARY, "127.0.0.1", &port, "1"]);
    }

    /// Cuts the replicas off: what the primary stores from now on is lost with it.
    pub fn isolate_primary(&self) {
        let (primary, replicas) = self.servers.split_first().unwrap();
        replicas.iter().for_each(|replica| replica.signal("STOP"));
        // Otherwise data in the socket buffers would still reach the replicas.
        let _: u64 = primary.run(&[b"CLIENT", b"KILL", b"TYPE", b"replica"]);
    }

    /// Kills a primary that is isolated, and waits until another server is the primary. Returns when it was killed.
    pub async fn fail_over(&self) -> Instant {
        let (primary, replicas) = self.servers.split_first().unwrap();
        primary.signal("KILL");
        let failed = Instant::now();
        replicas.iter().for_each(|replica| replica.signal("CONT"));
        let waiter = self.failover_waiter();
        tokio::task::spawn_blocking(move || waiter.wait())
            .await
            .unwrap();
        failed
    }

    /// Returns a waiter for a failover. It ignores the first Sentinel, which may be stopped.
    pub fn failover_waiter(&self) -> FailoverWaiter {
        FailoverWaiter {
            sentinels: self
                .sentinels
                .iter()
                .skip(1)
                .map(|sentinel| sentinel.port)
                .collect(),
            failed: self.servers[0].port,
        }
    }

    /// Sends a signal to one of the Sentinels.
    pub fn signal_sentinel(&self, number: usize, name: &str) {
        self.sentinels[number].process.signal(name);
    }

    /// Returns the index of the server other than `failed` that reports itself as primary.
    pub fn new_primary(&self, failed: usize) -> Option<usize> {
        let mut others = (0..self.servers.len()).filter(|number| *number != failed);
        others.find(|number| is_primary(&self.servers[*number]))
    }
}

/// Waits until Sentinels have completed a failover.
#[derive(Debug)]
pub struct FailoverWaiter {
    sentinels: Vec<u16>,
    failed: u16,
}

impl FailoverWaiter {
    /// Waits until all Sentinels name a primary other than the failed one.
    pub fn wait(&self) {
        wait("the Sentinels did not agree on a new primary", || {
            self.sentinels
                .iter()
                .all(|port| primary_port(*port) != Some(self.failed))
        });
    }
}

/// Returns the port of the primary that a Sentinel names.
fn primary_port(sentinel: u16) -> Option<u16> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(PRIMARY);
    let (_, port): (String, u16) = command.query(&mut connect(sentinel)?).ok()?;
    Some(port)
}

fn connect(port: u16) -> Option<redis::Connection> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    client.get_connection().ok()
}

impl Sentinel {
    fn start(settings: &str) -> Self {
        let port = free_port();
        let (folder, down_after) = (scratch("sentinel"), DOWN_AFTER.as_millis());
        let settings = format!(
            "port {port}\nbind 127.0.0.1\n{settings}\n\
             sentinel down-after-milliseconds {PRIMARY} {down_after}\n\
             sentinel failover-timeout {PRIMARY} 5000\n"
        );
        let file = folder.join("sentinel.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdout(Stdio::null());
        let process = start(&mut command, "redis-server");
        Self { port, process }
    }

    /// Returns whether the Sentinel has discovered this number of replicas and of other Sentinels.
    fn has_discovered(&self, replicas: usize, others: usize) -> bool {
        let Some(mut connection) = connect(self.port) else {
            return false;
        };
        let mut command = redis::cmd("SENTINEL");
        command.arg("MASTER").arg(PRIMARY);
        let state: std::collections::HashMap<String, String> =
            command.query(&mut connection).unwrap_or_default();
        state.get("num-slaves") == Some(&replicas.to_string())
            && state.get("num-other-sentinels") == Some(&others.to_string())
    }
}

/// Returns whether a server reports itself as primary. A server that changes its role may close the
/// connection.
fn is_primary(server: &Server) -> bool {
    let Some(mut connection) = connect(server.port) else {
        return false;
    };
    let mut info = redis::cmd("INFO");
    let reply: Result<String, _> = info.arg("replication").query(&mut connection);
    reply.is_ok_and(|reply| reply.contains("role:master"))
}

fn wait(failure: &str, mut is_done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{failure}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
